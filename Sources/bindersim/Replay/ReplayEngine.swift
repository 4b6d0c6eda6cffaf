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
  private let context: Context
  private let pattern: ObjectPattern
  private var members: [Int32: Member] = [:]
  // Indexed by the planner's slots.
  private var slots: [Slot] = []
  /// Nanoseconds of the capture.
  private var now: UInt64 = 0
  private var total = TotalGauge()
  /// Stands for senders that have no process here, and answers the replies whose request is not
  /// there to be answered.
  private let outside: Member

  /// No process of a capture has it.
  private static let outsidePID = Int32.max

  /// - Throws: what the engine says about such a region.
  init(setting: ReplaySetting, pattern: ObjectPattern) throws(BinderError) {
    self.setting = setting
    self.pattern = pattern
    // One page more, for the outside: it never has another, and never gives that one back.
    context = Context(budget: setting.budget.map { PageBudget(pages: $0 + 1) })
    outside = Member(
      try context.makeProcess(
        pid: Self.outsidePID, regionLength: setting.regionLength, policy: setting.policy))
    _ = try outside.process.send(
      Transaction(flags: .oneway), to: outside.process.makeNode())
    _ = try outside.process.receive()?.keep()
  }

  /// A buffer that cannot be placed is not an error but a result.
  ///
  /// - Parameter time: nanoseconds since the beginning of the capture; never goes back.
  /// - Throws: what keeps a process from being made.
  func apply(_ step: ReplayStep, at time: UInt64) throws(BinderError) {
    now = time
    switch step {
    case .send(let buffer): try send(buffer)
    case .free(let slot, _): free(slot)
    }
  }

  /// What came of it all.
  ///
  /// - Parameter end: nanoseconds since the beginning of the capture.
  func result(until end: UInt64) -> ReplayRun {
    let processes = members.values.filter { $0.buffers + $0.failed > 0 }
      .map { ReplayResult($0.process.statistics, $0, until: end) }
      .sorted { ($0.peakBytes, $1.pid) > ($1.peakBytes, $0.pid) }
    return ReplayRun(setting, total, processes, until: end)
  }

  /// A member's region has changed.
  private func measure(_ member: Member) {
    guard let usage = member.process.usage else { return }
    let before = member.gauge
    member.gauge.note(usage, at: now)
    total.note(from: before, to: member.gauge, at: now)
  }

  // MARK: Sending

  private func send(_ buffer: PlannedBuffer) throws(BinderError) {
    while slots.count <= buffer.slot { slots.append(Slot()) }
    let destination = try member(buffer.destination)
    let transaction = pattern.transaction(
      code: buffer.code, isOneway: buffer.kind == .oneway, dataSize: buffer.dataSize,
      offsetsSize: buffer.offsetsSize, extraSize: buffer.extraSize)
    // A node of its own: how long a oneway waited for others is in the capture already.
    var node: Node?
    do throws(BinderError) {
      try giveRegion(to: destination)
      let sender = try sender(of: buffer)
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
      measure(destination)
    } catch {
      if let node { destination.idleNodes.append(node) }
      slots[buffer.slot] = Slot()
      destination.failed += 1
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
    slot.hold(receipt.size, sender: buffer.sender)
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
        slot.hold(receipt.size, sender: buffer.sender)
        slot.offset = try destination.process.takeReply(call.id)?.keep()
      } catch {
        try? destination.process.abandon(call.id)
        throw error
      }
      return slot
    }
    // The request is not in the capture, was freed before its reply, or failed here: have a
    // request of no consequence answered with the recorded reply.
    let node = outside.idleNodes.popLast() ?? outside.process.makeNode()
    defer { outside.idleNodes.append(node) }
    let request = try destination.process.send(Transaction(), to: node)
    guard let call = request.call else { return slot }
    do throws(BinderError) {
      guard let delivery = try outside.process.receive() else { return slot }
      let receipt = try outside.process.reply(to: delivery, transaction)
      slot.hold(receipt.size, sender: buffer.sender)
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
    if let call = slot.call {
      call.end()
    } else if let offset = slot.offset {
      do throws(BinderError) {
        try process.process.free(at: offset)
      } catch {
        process.failures[error.kind, default: 0] += 1
      }
    }
    measure(process)
  }

  // MARK: Processes

  private func sender(of buffer: PlannedBuffer) throws(BinderError) -> Member {
    guard ReplayPlanner.pids.contains(buffer.sender) else { return outside }
    let sender = try member(buffer.sender)
    guard buffer.kind == .request else { return sender }
    // A call needs a region that its reply can come to.
    do throws(BinderError) {
      try giveRegion(to: sender)
      return sender
    } catch {
      return outside
    }
  }

  private func member(_ pid: Int32) throws(BinderError) -> Member {
    if let known = members[pid] { return known }
    let member = Member(try context.makeProcess(pid: pid))
    members[pid] = member
    return member
  }

  private func giveRegion(to member: Member) throws(BinderError) {
    guard !member.hasRegion else { return }
    try member.process.mapRegion(length: setting.regionLength, policy: setting.policy)
    member.hasRegion = true
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
      line: buffer.line, nanoseconds: buffer.nanoseconds, receiver: buffer.destination,
      sender: buffer.sender, kind: "\(error.kind)", message: "\(error)", size: buffer.size,
      dataSize: buffer.dataSize, offsetsSize: buffer.offsetsSize, extraSize: buffer.extraSize,
      freeBytes: statistics.freeBytes, largestFreeRange: statistics.largestFreeRange,
      freeOnewaySpace: statistics.freeOnewaySpace, holders: Array(holders.prefix(5)),
      kernelLog: error.kind == .noSpace
        ? destination.process.exhaustionLog(requested: buffer.size)
          .split(separator: "\n").map(String.init) : [])
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
    var gauge = RegionGauge()

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
    var size = 0

    init() {}
    init(_ process: Member) { self.process = process }

    mutating func hold(_ size: Int, sender: Int32) {
      self.size = size
      self.sender = sender
    }
  }
}
