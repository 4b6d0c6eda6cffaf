internal import BinderBuffer

/// A live buffer as the model knows it.
final class ModelBuffer {
  enum State { case beingFilled, queued, waiting, replied, delivered, kept, gone }

  let receiver: CheckedProcess
  let offset: Int
  let layout: ModelLayout
  let senderPID: Int32
  let isOneway: Bool
  let isSpam: Bool
  var debugID: UInt32 = 0
  var state = State.beingFilled
  /// Zeroed when it is freed.
  var clearsOnFree = false
  var code: UInt32 = 0
  var flags: TransactionFlags = []
  /// The receiver's node; nil for a reply.
  var node: Int?
  /// The call that it is to answer, until somebody has tried to.
  var call: ModelCall?
  /// Whether it was sent as a call: what a delivery says about it for ever.
  var isCall = false
  var bytesCopied = 0

  init(
    receiver: CheckedProcess, offset: Int, layout: ModelLayout, senderPID: Int32, isOneway: Bool,
    isSpam: Bool
  ) {
    self.receiver = receiver
    self.offset = offset
    self.layout = layout
    self.senderPID = senderPID
    self.isOneway = isOneway
    self.isSpam = isSpam
  }
}

/// A call that somebody made, as the model knows it. It ends exactly once.
final class ModelCall {
  enum State {
    case pending, abandoned, ended
    case replied(ModelBuffer)
    case failed(BinderError)
  }

  let caller: CheckedProcess
  /// The real one; nil when it was given up or has ended.
  var call: Call?
  var state = State.pending

  init(caller: CheckedProcess, _ call: consuming Call) {
    self.caller = caller
    self.call = consume call
  }

  var isAbandoned: Bool {
    if case .abandoned = state { return true }
    return false
  }

  /// No reply will come.
  func fail(_ error: BinderError) {
    guard !caller.hasExited else { return }
    if case .abandoned = state {
      end()
    } else {
      state = .failed(error)
    }
  }

  func end() {
    state = .ended
    caller.calls.removeAll { $0 === self }
  }
}
