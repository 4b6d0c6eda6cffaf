import PageAlloc

@testable import BinderBuffer

// What tests need beyond the public verbs: calls that several hands hold, deliveries that are
// answered and looked at afterwards, buffers of either kind.

/// A call that may be asked for again after it has ended.
final class TestCall: @unchecked Sendable {
  private var call: Call?

  init(_ call: consuming Call) { self.call = consume call }

  var hasEnded: Bool { call == nil }

  /// The reply, if it has come.
  func take() throws(BinderError) -> Delivery? {
    guard let call = call.take() else { return nil }
    return end(try call.takeReply())
  }

  func await(_ timeout: Duration) throws(BinderError) -> Delivery? {
    guard let call = call.take() else { return nil }
    return end(try call.awaitReply(timeout: timeout))
  }

  func abandon() { call = nil }

  private func end(_ progress: consuming Call.Progress) -> Delivery? {
    switch progress {
    case .replied(let delivery): return delivery
    case .pending(let same):
      call = consume same
      return nil
    }
  }
}

/// A receipt with the call that it may be of.
struct TestReceipt {
  let receipt: Receipt
  let call: TestCall?

  var debugID: UInt32 { receipt.debugID }
  var offset: Int { receipt.offset }
  var size: Int { receipt.size }
  var isSpam: Bool { receipt.isSpam }
}

extension BinderProcess {
  /// Sends as a call unless the transaction is oneway.
  @discardableResult
  func transmit(_ transaction: Transaction, to node: Node) throws(BinderError) -> TestReceipt {
    if transaction.flags.contains(.oneway) {
      return TestReceipt(receipt: try send(transaction, to: node), call: nil)
    }
    let call = try call(transaction, to: node)
    return TestReceipt(receipt: call.receipt, call: TestCall(call))
  }

  /// Bytes as a call.
  func ask(_ bytes: [UInt8] = [], _ node: Node) throws(BinderError) -> TestCall {
    TestCall(try call(bytes, to: node))
  }

  /// The reply, which must be there.
  func takeArrivedReply(_ call: TestCall) throws -> Delivery {
    guard let delivery = try call.take() else { throw NothingReceived() }
    return delivery
  }

  /// Answers and leaves the buffer where it is.
  @discardableResult
  func reply(to delivery: borrowing Delivery, _ transaction: Transaction) throws(BinderError)
    -> Receipt
  {
    try Transmission.reply(transaction, from: core, toBufferAt: delivery.offset, isKept: false)
  }

  @discardableResult
  func reply(to delivery: borrowing Delivery, _ bytes: [UInt8] = []) throws(BinderError) -> Receipt
  {
    try UserSlice.withTrusted(bytes.span.bytes) { (data) throws(BinderError) in
      try reply(to: delivery, Transaction(data: data))
    }
  }

  /// A buffer of either kind, to be filled in steps.
  func allocate(
    dataSize: Int, offsetsSize: Int = 0, extraSize: Int = 0, securityContextSize: Int = 0,
    oneway: Bool, flags: TransactionFlags = [], for node: Node
  ) throws(BinderError) -> ReservedBuffer {
    do throws(BinderError) {
      var buffer = try Transmission.reserve(
        TransactionLayout(
          data: dataSize, offsets: offsetsSize, extra: extraSize,
          securityContext: securityContextSize), oneway: oneway, from: core, to: node.core)
      buffer.clearsOnFree = flags.contains(.clearOnFree)
      return buffer
    } catch {
      node.core.countFailure(error)
      throw error
    }
  }

  /// Hands it over.
  @discardableResult
  func send(_ buffer: consuming ReservedBuffer, to node: Node) throws(BinderError) -> TestReceipt {
    let flags: TransactionFlags = buffer.clearsOnFree ? .clearOnFree : []
    do throws(BinderError) {
      if buffer.layout.offsetsSize > 0 { try buffer.translateObjects() }
      if buffer.isOneway {
        return TestReceipt(
          receipt: try Transmission.commit(buffer, code: 0, flags: flags, from: core, to: node),
          call: nil)
      }
      let call = try Transmission.commitCall(buffer, code: 0, flags: flags, from: core, to: node)
      return TestReceipt(receipt: call.receipt, call: TestCall(call))
    } catch {
      node.core.countFailure(error)
      throw error
    }
  }

  func buffers() -> [BufferDescription] { inspect().buffers }
  func framedPages() -> [Range<Int>] { inspect().framedPages }
  func pageStates() -> [PageState] { inspect().pages }
}

extension ReservedBuffer {
  mutating func write(_ bytes: RawSpan) throws(BinderError) { try write(bytes, at: 0) }

  mutating func write(_ bytes: [UInt8], at offset: Int = 0) throws(BinderError) {
    try write(bytes.span.bytes, at: offset)
  }

  mutating func copy(from reader: inout UserSliceReader, length: Int) throws(BinderError) {
    try copy(from: &reader, at: 0, length: length)
  }
}

extension FailureCounts {
  init(_ counts: [FailureKind: Int]) {
    self.init()
    for (kind, count) in counts { self[kind] = count }
  }
}
