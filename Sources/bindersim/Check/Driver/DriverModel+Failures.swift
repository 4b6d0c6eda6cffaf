internal import BinderBuffer
internal import CLinuxShims

/// How transactions fail and end, and how buffers are freed.
extension DriverModel {
  func fail(_ failure: Failure, _ call: Transaction?, _ thread: Thread) {
    guard let call else { return failOwn(failure, thread) }
    thread.returnError = bb_br_transaction_complete.rawValue
    give(.returnError, to: thread)
    if let from = call.from, from.error.command == bb_br_ok.rawValue {
      from.error.command = failure.reply
      from.error.param = -failure.errno
    }
    failCall(call, failure.reply)
  }

  func failOwn(_ failure: Failure, _ thread: Thread) {
    thread.error.command = failure.reply
    thread.error.param = -failure.errno
    thread.returnError = failure.reply
    give(.returnError, to: thread)
  }

  /// Ends a call without a reply; the innermost caller that still lives is told.
  func failCall(_ call: Transaction, _ reply: UInt32) {
    var next: Transaction? = call
    while let call = next {
      next = call.outer
      let from = call.from
      if let from {
        from.stack.removeAll { $0 === call }
        call.from = nil
      }
      end(call)
      if let from {
        if from.replyError == bb_br_ok.rawValue {
          from.replyError = reply
          give(.replyError, to: from)
        }
        return
      }
    }
  }

  func end(_ transaction: Transaction) {
    effects.closedFiles += transaction.tokens
    transaction.tokens = []
    transactions.removeAll { $0 === transaction }
  }

  // MARK: buffers

  func free(_ buffer: Buffer, of process: Process, advancing: Bool = true) {
    if advancing, buffer.isOneway, let node = buffer.target {
      if node.waiting.isEmpty {
        node.isBusy = false
      } else {
        give(.transaction(node.waiting.removeFirst()), to: process)
      }
    }
    buffer.holdsTarget = false
    if let target = buffer.target { strongGone(target) }
    release(buffer, of: process)
    process.buffers.removeAll { $0 === buffer }
    effects.closedDescriptors += buffer.arrayDescriptors
  }

  /// Gives up what a buffer's objects hold, in their order.
  func release(_ buffer: Buffer, of process: Process) {
    let objects = buffer.objects
    for (i, object) in objects.enumerated() {
      buffer.objects[i] = .nothing
      switch object {
      case .nothing: break
      case .own(let node, let strong):
        node.pins += 1
        if strong { strongGone(node) } else { weakGone(node) }
        unpin(node)
      case .handle(let handle, let strong):
        if let reference = process.references[handle] { drop(reference, strong: strong) }
      }
    }
    buffer.objects = []
  }
}
