internal import BinderBuffer

/// A delivery that a receiver holds.
final class HeldDelivery {
  let model: ModelBuffer
  var delivery: Delivery?

  init(_ model: ModelBuffer, _ delivery: consuming Delivery) {
    self.model = model
    self.delivery = consume delivery
  }
}

extension CheckWorld {
  func receive() throws(InvariantViolation) {
    // Whoever has something to receive; now and then somebody who may not have.
    let first = pick(members.count)
    let candidates = members.indices.map { members[(first + $0) % members.count] }
    let member =
      oneIn(8) ? candidates[0] : candidates.first { !$0.todo.isEmpty && !$0.hasExited }
    guard let member, let process = member.process else { return try send() }

    var delivery: Delivery?
    var error: BinderError?
    do throws(BinderError) {
      delivery = try process.receive()
    } catch let thrown {
      error = thrown
    }
    try judge("receive", error, is: member.obstacle)
    guard member.obstacle == nil else { return }
    guard !member.todo.isEmpty else {
      return try require("nothing waits to be received", delivery == nil, is: true)
    }
    let buffer = member.todo.removeFirst()
    guard let delivery = delivery.take() else {
      throw InvariantViolation(
        "what was sent is received", expected: "buffer \(buffer.debugID)", found: "none")
    }
    try accept(delivery, of: buffer)
  }

  /// A buffer has come to its receiver: it must be the next one, and hold what was sent.
  func accept(
    _ delivery: consuming Delivery, of buffer: ModelBuffer
  ) throws(InvariantViolation) {
    tally.delivered += 1
    checksum.add(delivery.offset)
    buffer.receiver.deliver(buffer)
    try compare(delivery, buffer)
    held.append(HeldDelivery(buffer, delivery))
  }

  /// A held delivery still says and holds what it did.
  private func compare(_ held: HeldDelivery) throws(InvariantViolation) {
    guard let delivery = held.delivery.take() else { return }
    try compare(delivery, held.model)
    held.delivery = consume delivery
  }

  private func compare(
    _ delivery: borrowing Delivery, _ model: ModelBuffer
  ) throws(InvariantViolation) {
    let layout = model.layout
    guard let region = model.receiver.region else { return }
    try require(
      "transactions of process \(model.receiver.pid) come in order, oneway ones of a node one by one",
      delivery.debugID, is: model.debugID)
    try require("offset of a delivery", delivery.offset, is: model.offset)
    try require("code of a delivery", delivery.code, is: model.code)
    try require("flags of a delivery", delivery.flags, is: model.flags)
    try require("sender of a delivery", delivery.senderPID, is: model.senderPID)
    try require("data size", delivery.dataSize, is: layout.data)
    try require("offsets size", delivery.offsetsSize, is: layout.offsets)
    try require("extra size", delivery.extraSize, is: layout.extra)
    try require(
      "security context size", delivery.securityContextSize, is: layout.securityContext)
    try require("needs a reply", delivery.needsReply, is: model.isCall)
    try require("is a reply", delivery.isReply, is: model.node == nil)
    func part(
      _ bytes: Span<UInt8>, _ start: Int, _ name: String
    ) throws(InvariantViolation) {
      try unsafe bytes.withUnsafeBytes { (bytes) throws(InvariantViolation) in
        try unsafe compare(bytes, with: region, at: model.offset + start) {
          "\(name) of a delivery to process \(model.receiver.pid) are as sent at the time of the copy"
        }
      }
    }
    try delivery.withData { (bytes) throws(InvariantViolation) in
      try part(bytes, 0, "data")
    }
    try delivery.withOffsets { (bytes) throws(InvariantViolation) in
      try part(bytes, layout.offsetsStart, "offsets")
    }
    try delivery.withExtra { (bytes) throws(InvariantViolation) in
      try part(bytes, layout.extraStart, "extra buffers")
    }
    try delivery.withSecurityContext { (bytes) throws(InvariantViolation) in
      try part(bytes, layout.securityContextStart, "security context")
    }
  }

  func inspectSomething() throws(InvariantViolation) {
    if oneIn(4) { try inspect(anyMember()) }
    guard !held.isEmpty else { return }
    try compare(held[pick(held.count)])
  }

  // MARK: free

  private func takeHeld() -> HeldDelivery? {
    guard !held.isEmpty else { return nil }
    let index = pick(held.count)
    held.swapAt(index, held.count - 1)
    return held.removeLast()
  }

  func freeHeld() throws(InvariantViolation) {
    guard let held = takeHeld() else { return try receive() }
    // Whatever has happened since, it is still as it was.
    try compare(held)
    drop(held)
  }

  func drop(_ held: HeldDelivery) {
    held.delivery.take()!.free()
    held.model.receiver.free(held.model, clock: &clock)
    held.model.receiver.unpin()
  }

  func keepHeld() throws(InvariantViolation) {
    guard let held = takeHeld() else { return try receive() }
    try keep(held)
  }

  /// A delivery becomes a bare offset; that of a dead process is gone.
  func keep(_ held: HeldDelivery) throws(InvariantViolation) {
    let (model, receiver) = (held.model, held.model.receiver)
    let offset = held.delivery.take()!.keep()
    try require("offset of a kept buffer", offset, is: model.offset)
    if receiver.hasExited {
      receiver.free(model, clock: &clock)
    } else {
      model.state = .kept
      kept.append(model)
    }
    receiver.unpin()
  }

  /// A bare offset becomes a delivery again, that still says and holds what it did.
  private func retake(_ buffer: ModelBuffer, _ process: BinderProcess) throws(InvariantViolation) {
    var delivery: Delivery?
    let error = answer { () throws(BinderError) in delivery = try process.take(at: buffer.offset) }
    try judge("taking a kept buffer", error, is: nil)
    guard let delivery = delivery.take() else { return }
    buffer.isCall = buffer.call != nil
    buffer.state = .delivered
    buffer.receiver.pins += 1
    try compare(delivery, buffer)
    held.append(HeldDelivery(buffer, delivery))
  }

  func freeKept() throws(InvariantViolation) {
    kept.removeAll { $0.receiver.hasExited || $0.receiver.process == nil }
    guard !kept.isEmpty else { return try freeHeld() }
    let index = pick(kept.count)
    kept.swapAt(index, kept.count - 1)
    let buffer = kept.removeLast()
    guard let process = buffer.receiver.process else { return }
    if oneIn(4) { return try retake(buffer, process) }
    try judge(
      "freeing a kept buffer",
      answer { () throws(BinderError) in
        try process.free(at: buffer.offset)
      }, is: nil)
    buffer.receiver.free(buffer, clock: &clock)
    // A second time it is nobody's, unless the next buffer is there already.
    if oneIn(4) { try free(at: buffer.offset, in: buffer.receiver, process) }
  }

  func freeWrongly() throws(InvariantViolation) {
    guard let (member, process) = anyActor() else { return }
    let length = member.region?.placement.length ?? 4096
    let offset: Int
    switch pick(8) {
    case 0: offset = [-8, -1, .min, .max, length, length + 8, 1 << 32, 1 << 35][pick(8)]
    case 1: offset = pick(length)
    case 2: offset = pick(length / 8) * 8
    case 3:
      let model = staged.isEmpty ? nil : staged[pick(staged.count)].model
      guard let model, let process = model.receiver.process else { return }
      return try free(at: model.offset, in: model.receiver, process)
    case 4:
      let model = held.isEmpty ? nil : held[pick(held.count)].model
      guard let model, let process = model.receiver.process else { return }
      return try free(at: model.offset + [0, 0, 4, 8][pick(4)], in: model.receiver, process)
    default:
      let live = member.live.keys.sorted()
      offset = live.isEmpty ? 0 : live[pick(live.count)]
    }
    try free(at: offset, in: member, process)
  }

  /// Frees whatever begins at an offset, if anything does.
  private func free(
    at offset: Int, in member: CheckedProcess, _ process: BinderProcess
  ) throws(InvariantViolation) {
    let error = answer { () throws(BinderError) in try process.free(at: offset) }
    var expected = member.obstacle
    let found = member.live[offset]
    if expected == nil {
      let why: BinderError.NotFreeable? =
        switch found?.state {
        case nil: .notABuffer
        case .beingFilled: .beingFilled
        case .queued, .waiting, .replied: .notDelivered
        case .delivered: .ownedByDelivery
        case .kept, .gone: nil
        }
      expected = why.map { .invalidArgument(.noSuchBuffer(pid: member.pid, offset: offset, $0)) }
    }
    try judge("freeing offset \(offset) of process \(member.pid)", error, is: expected)
    guard error == nil, let found else { return }
    kept.removeAll { $0 === found }
    member.free(found, clock: &clock)
  }

  /// What a call throws.
  func answer(_ body: () throws(BinderError) -> Void) -> BinderError? {
    do throws(BinderError) {
      try body()
      return nil
    } catch {
      return error
    }
  }
}
