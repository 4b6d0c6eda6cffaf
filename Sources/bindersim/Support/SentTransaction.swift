internal import BinderBuffer

/// A transaction that was taken: with the call to await the reply of, unless it is oneway.
struct SentTransaction: ~Copyable {
  let receipt: Receipt
  var call: Call?
}

extension BinderProcess {
  /// Sends as the transaction's flags say: without a reply, or as a call.
  func transmit(_ transaction: Transaction, to node: Node) throws(BinderError) -> SentTransaction {
    if transaction.flags.contains(.oneway) {
      return SentTransaction(receipt: try send(transaction, to: node), call: nil)
    }
    let call = try call(transaction, to: node)
    return SentTransaction(receipt: call.receipt, call: consume call)
  }
}

extension Call {
  /// The reply, if it has come; else the call goes back to where it was.
  consuming func takeReply(elseTo call: inout Call?) throws(BinderError) -> Delivery? {
    switch try takeReply() {
    case .replied(let delivery): return delivery
    case .pending(let same):
      call = consume same
      return nil
    }
  }
}

/// A call that events and tables refer to.
final class HeldCall {
  var call: Call?
  init(_ call: consuming Call) { self.call = consume call }
}
