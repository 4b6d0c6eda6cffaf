internal import BinderBuffer
internal import PageAlloc

/// One configuration that a capture is replayed in.
struct ReplaySetting: Hashable, Sendable {
  var policy = PlacementPolicy.rust
  /// Bytes of every process's region.
  var regionLength = 1_040_384
  /// Pages that all regions together may have; nil for as many as they need.
  var budget: Int?
}

/// Does a replay's steps to an engine of its own and keeps what came of them.
///
/// Every buffer is sent, received at once and held until its free: when it is placed, and for how
/// long it lives, is the capture's doing, not the engine's queues'.
final class ReplayEngine {
  let setting: ReplaySetting
  /// Nil when nobody asks what happened when.
  let recorder: Recorder?
  private let context: Context
  private let pattern: ObjectPattern
  private var processes: [Int32: Member] = [:]
  // Indexed by the planner's slots.
  private var slots: [Slot] = []
  /// Answers replies whose request is not there to be answered.
  private var outside: Member?

  /// Stands for senders that have no process in the capture.
  private static let outsidePID = Int32.max

  init(setting: ReplaySetting, pattern: ObjectPattern, recorder: Recorder? = nil) {
    self.setting = setting
    self.recorder = recorder
    self.pattern = pattern
    context = Context(budget: setting.budget.map { PageBudget(pages: $0) })
  }

  /// - Throws: what keeps a process or its region from being made; a buffer that cannot be placed
  ///   is not an error but a result.
  func apply(_ step: ReplayStep) throws(BinderError) {
    switch step {
    case .send(let buffer): try send(buffer)
    case .free(let slot, _): free(slot)
    }
  }

  /// What came of it all, by process.
  func results() -> [ReplayResult] {
    processes.values.filter { $0.buffers + $0.failed > 0 }
      .map { ReplayResult($0.process.statistics, $0) }
      .sorted { ($0.peakBytes, $1.pid) > ($1.peakBytes, $0.pid) }
  }

  // MARK: Sending

  private func send(_ buffer: PlannedBuffer) throws(BinderError) {
    while slots.count <= buffer.slot { slots.append(Slot()) }
    let destination = try member(buffer.destination, needsRegion: true)
    let sender = try sender(of: buffer)
    let transaction = pattern.transaction(
      code: buffer.code, isOneway: buffer.kind == .oneway, dataSize: buffer.dataSize,
      offsetsSize: buffer.offsetsSize, extraSize: buffer.extraSize)
    // A node of its own: how long a oneway waited for others is in the capture already.
    var node: Node?
    do throws(BinderError) {
      var slot: Slot
      switch buffer.kind {
      case .oneway, .request:
        let target = destination.idleNodes.popLast() ?? destination.process.makeNode()
        node = target
        let receipt = try sender.process.send(transaction, to: target)
        slot = try received(receipt, buffer, by: destination, from: sender)
      case .reply:
        slot = try reply(buffer, transaction, to: destination, from: sender)
      }
      slot.node = node
      slots[buffer.slot] = slot
      destination.buffers += 1
      if let receipt = slot.receipt { recorder?.noteSent(buffer, receipt, destination.process) }
    } catch {
      if let node { destination.idleNodes.append(node) }
      slots[buffer.slot] = Slot()
      destination.failed += 1
      recorder?.noteFailure(of: buffer, error, destination.process)
      destination.failures[error.kind, default: 0] += 1
      if destination.firstFailure == nil {
        destination.firstFailure = failure(error, buffer, in: destination)
      }
    }
  }

  /// Takes the buffer just sent out of the receiver's queue.
  private func received(
    _ receipt: Receipt, _ buffer: PlannedBuffer, by destination: Member, from sender: Member
  ) throws(BinderError) -> Slot {
    var slot = Slot(destination)
    slot.hold(receipt, sender: buffer.sender)
    guard let delivery = try destination.process.receive() else { return slot }
    guard let call = receipt.call else {
      slot.offset = delivery.keep()
      return slot
    }
    slot.call = OpenCall(id: call, caller: sender, delivery: delivery)
    return slot
  }

  private func reply(
    _ buffer: PlannedBuffer, _ transaction: Transaction, to destination: Member,
    from sender: Member
  ) throws(BinderError) -> Slot {
    var slot = Slot(destination)
    if let request = buffer.request, let call = slots[request].call,
      call.caller === destination, slots[request].process === sender
    {
      slots[request].call = nil
      do throws(BinderError) {
        let receipt = try call.answer(
          transaction, by: sender.process, requestOffset: &slots[request].offset)
        slot.hold(receipt, sender: buffer.sender)
        slot.offset = try destination.process.takeReply(call.id)?.keep()
      } catch {
        try? destination.process.abandon(call.id)
        throw error
      }
      return slot
    }
    // The request is not in the capture, was freed before its reply, or failed here: have a
    // request of no consequence answered with the recorded reply.
    let outside = try outsideMember()
    let node = outside.idleNodes.popLast() ?? outside.process.makeNode()
    defer { outside.idleNodes.append(node) }
    let request = try destination.process.send(Transaction(), to: node)
    guard let call = request.call else { return slot }
    do throws(BinderError) {
      guard let delivery = try outside.process.receive() else { return slot }
      let receipt = try outside.process.reply(to: delivery, transaction)
      slot.hold(receipt, sender: buffer.sender)
      slot.offset = try destination.process.takeReply(call)?.keep()
    } catch {
      try? destination.process.abandon(call)
      throw error
    }
    return slot
  }

  // MARK: Freeing

  private func free(_ index: Int) {
    let slot = slots[index]
    slots[index] = Slot()
    guard let process = slot.process else { return }
    if let node = slot.node { process.idleNodes.append(node) }
    defer {
      if let receipt = slot.receipt { recorder?.noteFreed(receipt, process.process) }
    }
    if let call = slot.call {
      call.end()
    } else if let offset = slot.offset {
      do throws(BinderError) {
        try process.process.free(at: offset)
      } catch {
        process.failures[error.kind, default: 0] += 1
      }
    }
  }

  // MARK: Processes

  private func sender(of buffer: PlannedBuffer) throws(BinderError) -> Member {
    guard buffer.sender > 0, buffer.sender != Self.outsidePID else { return try outsideMember() }
    // A call needs a region that its reply can come to.
    return try member(buffer.sender, needsRegion: buffer.kind == .request)
  }

  private func member(_ pid: Int32, needsRegion: Bool) throws(BinderError) -> Member {
    let member: Member
    if let known = processes[pid] {
      member = known
    } else {
      member = Member(try context.makeProcess(pid: pid))
      processes[pid] = member
    }
    if needsRegion && !member.hasRegion {
      try member.process.mapRegion(length: setting.regionLength, policy: setting.policy)
      member.hasRegion = true
    }
    return member
  }

  private func outsideMember() throws(BinderError) -> Member {
    if let outside { return outside }
    let member = Member(try context.makeProcess(pid: Self.outsidePID))
    try member.process.mapRegion(length: 4096, policy: setting.policy)
    member.hasRegion = true
    outside = member
    return member
  }

  private func failure(
    _ error: BinderError, _ buffer: PlannedBuffer, in destination: Member
  ) -> ReplayFailure {
    let statistics = destination.process.statistics
    var held: [Int32: (bytes: Int, buffers: Int)] = [:]
    for slot in slots where slot.process === destination {
      held[slot.sender, default: (0, 0)].bytes += slot.size
      held[slot.sender, default: (0, 0)].buffers += 1
    }
    let holders =
      held
      .map { ReplayHolder(pid: $0.key, bytes: $0.value.bytes, buffers: $0.value.buffers) }
      .sorted { ($0.bytes, $1.pid) > ($1.bytes, $0.pid) }
    return ReplayFailure(
      line: buffer.line, nanoseconds: buffer.nanoseconds, sender: buffer.sender,
      kind: "\(error.kind)", message: "\(error)", dataSize: buffer.dataSize,
      offsetsSize: buffer.offsetsSize, extraSize: buffer.extraSize,
      freeBytes: statistics.freeBytes, largestFreeRange: statistics.largestFreeRange,
      freeOnewaySpace: statistics.freeOnewaySpace, holders: Array(holders.prefix(5)))
  }

  /// A process of the capture in this engine.
  final class Member {
    let process: Process
    var hasRegion = false
    /// Nodes that no live buffer was sent to.
    var idleNodes: [Node] = []
    var buffers = 0
    var failed = 0
    var failures: [FailureKind: Int] = [:]
    var firstFailure: ReplayFailure?

    init(_ process: Process) { self.process = process }
  }

  /// A request that has not been answered, with the delivery that its reply needs.
  private final class OpenCall {
    let id: CallID
    let caller: Member
    private var delivery: Delivery?

    init(id: CallID, caller: Member, delivery: consuming Delivery) {
      self.id = id
      self.caller = caller
      self.delivery = consume delivery
    }

    /// Sends the reply; the request's buffer is then held by its offset alone.
    func answer(
      _ transaction: Transaction, by process: Process, requestOffset: inout Int?
    ) throws(BinderError) -> Receipt {
      // INVARIANT: whoever has a call has its delivery; this and `end` come last.
      guard let delivery = delivery.take() else { preconditionFailure("answered twice") }
      do throws(BinderError) {
        let receipt = try process.reply(to: delivery, transaction)
        requestOffset = delivery.keep()
        return receipt
      } catch {
        requestOffset = delivery.keep()
        throw error
      }
    }

    /// The request is freed without an answer; nobody waits for one here.
    func end() {
      delivery = nil
      try? caller.process.abandon(id)
    }
  }

  private struct Slot {
    /// Nil for a slot that holds nothing.
    var process: Member?
    /// Where the buffer is, once it is held by that alone.
    var offset: Int?
    var node: Node?
    var call: OpenCall?
    var sender: Int32 = 0
    var receipt: Receipt?
    var size: Int { receipt?.size ?? 0 }

    init() {}
    init(_ process: Member) { self.process = process }

    mutating func hold(_ receipt: Receipt, sender: Int32) {
      self.receipt = receipt
      self.sender = sender
    }
  }
}
