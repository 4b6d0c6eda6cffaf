internal import BinderBuffer
internal import PageAlloc

/// One configuration that a capture is replayed in.
struct ReplaySetting: Hashable, Sendable {
  var policy = PlacementPolicy.c
  /// Whose rules these are, where they were chosen by a kernel: it decides how a log is worded.
  var kernel: KernelRelease?
  /// Bytes of every process's region.
  var regionLength = 1_040_384
  /// Of those processes whose region's length is known better.
  var told: [Int32: Int] = [:]
  /// Pages that all regions together may have; nil for as many as they need.
  var budget: Int?
}

/// A process's region in one context. Reports give it a number of its own: a process's pid in its
/// first context, binder; above all pids in the others.
struct RegionKey: Hashable, Sendable {
  var pid: Int32
  var context: BinderContext

  private static let bits: Int32 = 23

  var number: Int32 { Int32(context.rawValue) << Self.bits | pid }

  init(_ pid: Int32, _ context: BinderContext) {
    self.pid = pid
    self.context = context
  }

  init(number: Int32) {
    let context = number == Int32.max ? 0 : number >> Self.bits
    self.context = UInt8(exactly: context).flatMap(BinderContext.init) ?? .binder
    pid = self.context == .binder ? number : number & (1 << Self.bits - 1)
  }
}

/// Does a replay's steps to an engine of its own and keeps what came of them.
///
/// Every buffer is sent, received at once and held until its free: when it is placed, and for how
/// long it lives, is the capture's doing, not the engine's queues'.
///
/// A value with one owner: a copy would work the same processes.
struct ReplayEngine {
  let setting: ReplaySetting
  /// Nil when nobody asks what happened when.
  let recorder: Recorder?
  private let context: Context
  private let pattern: ObjectPattern
  // INVARIANT: the first member is the outside; `memberOf` has the place of every other.
  var members: [ReplayedProcess] = []
  private var memberOf = NumberTable()
  // Indexed by the planner's slots.
  private(set) var slots: [Slot] = []
  /// Messages that the driver refused, and those that must have been.
  var refusals: [ReplayRefusal] = []
  var moreRefusals = 0
  /// Messages without a buffer that had no room here.
  var predicted: [PlannedRefusal] = []
  /// When the driver refused messages, and when this setting does, as the capture tells the time.
  var refusedTimes = TimeCounts()
  private(set) var failedTimes = TimeCounts()
  private var calls: [OpenCall] = []
  private var idleCalls: [Int32] = []
  /// Nanoseconds of the capture.
  private var now: UInt64 = 0
  private var total = TotalGauge()

  /// Stands for senders that have no process here, and answers the replies whose request is not
  /// there to be answered. No process of a capture has its number.
  private static let outside: Int32 = 0
  private static let outsidePID = Int32.max

  /// - Throws: what the engine says about such a region.
  init(
    setting: ReplaySetting, pattern: ObjectPattern, recorder: Recorder? = nil
  ) throws(BinderError) {
    self.setting = setting
    recorder?.advance(to: 0)
    self.recorder = recorder
    self.pattern = pattern
    // One page more, for the outside: it never has another, and never gives that one back.
    context = Context(budget: setting.budget.map { PageBudget(pages: $0 + 1) })
    let process = try context.makeProcess(
      pid: Self.outsidePID, regionLength: setting.regionLength, policy: setting.policy)
    try process.send(Transaction(), to: process.makeNode())
    _ = try process.receive()?.keep()
    members.append(ReplayedProcess(process))
  }

  /// A buffer that cannot be placed is not an error but a result.
  ///
  /// - Parameter time: nanoseconds since the beginning of the capture; never goes back.
  /// - Throws: what keeps a process from being made.
  mutating func apply(_ step: ReplayStep, at time: UInt64) throws(BinderError) {
    now = time
    recorder?.advance(to: time)
    switch step {
    case .send(let buffer): try send(buffer)
    case .received(let slot, let process, let thread):
      if holds(slot) {
        recorder?.noteReceived(
          slots[slot].debugID, at: time, process: process, thread: thread,
          members[slots[slot].member].process)
      }
    case .free(let slot, _): free(slot)
    case .refused(let refusal): refuse(refusal)
    }
  }

  /// Whether the slot's buffer could be placed here, and lives.
  func holds(_ slot: Int) -> Bool { slots.indices.contains(slot) && slots[slot].member >= 0 }

  /// What came of it all.
  ///
  /// - Parameter end: nanoseconds since the beginning of the capture.
  func result(until end: UInt64) -> ReplayRun {
    recorder?.advance(to: end)
    let processes = members.dropFirst().filter { $0.buffers + $0.failed > 0 }
      .map { ReplayResult($0.process.statistics, $0, until: end) }
      .sorted { ($0.peakBytes, $1.pid) > ($1.peakBytes, $0.pid) }
    var run = ReplayRun(setting, total, processes, until: end)
    run.contradictions = members.reduce(0) { $0 + $1.contradictions }
    run.failedOverTime = failedTimes
    return run
  }

  /// A member's region has changed.
  private mutating func measure(_ member: Int32) {
    guard let usage = members[member].process.usage else { return }
    total.note(members[member].gauge.note(usage, at: now), at: now)
  }

  // MARK: Sending

  private mutating func send(_ buffer: PlannedBuffer) throws(BinderError) {
    while slots.count <= buffer.slot { slots.append(Slot()) }
    slots[buffer.slot] = Slot()
    let destination = try member(RegionKey(buffer.destination, buffer.context))
    do throws(BinderError) {
      try giveRegion(to: destination)
      let sender = try sender(of: buffer)
      // What a kernel of 32 bits rounds up to 4 has no offsets that the engine could take: as much is
      // sent as data.
      let is32Bit = buffer.alignment == 4 || buffer.offsetsSize % 8 == 4
      let transaction = pattern.transaction(
        code: buffer.code, isOneway: buffer.kind == .oneway,
        dataSize: is32Bit ? buffer.size : buffer.dataSize,
        offsetsSize: is32Bit ? 0 : buffer.offsetsSize,
        extraSize: is32Bit ? 0 : buffer.extraSize)
      slots[buffer.slot] =
        switch buffer.kind {
        case .oneway, .request: try send(transaction, buffer, from: sender, to: destination)
        case .reply: try reply(transaction, buffer, from: sender, to: destination)
        }
      members[destination].buffers += 1
      if slots[buffer.slot].spam != .none, members[destination].spamLog.isEmpty {
        members[destination].spamLog = spamLog(buffer, in: destination)
      }
      measure(destination)
    } catch {
      members[destination].failed += 1
      failedTimes.add(at: buffer.nanoseconds)
      members[destination].failures[error.kind, default: 0] += 1
      let isSpace = error.kind == .noSpace || error.kind == .noOnewaySpace
      if buffer.wasPlaced, isSpace { members[destination].contradictions += 1 }
      recorder?.noteFailure(of: buffer, error, at: now, members[destination].process)
      if members[destination].firstFailure == nil {
        members[destination].firstFailure = failure(error, buffer, in: destination)
      }
    }
  }

  /// Sends, and takes what was sent out of the receiver's queue at once.
  private mutating func send(
    _ transaction: Transaction, _ buffer: PlannedBuffer, from sender: Int32, to destination: Int32
  ) throws(BinderError) -> Slot {
    // A node of its own: how long a oneway waited for others is in the capture already.
    let node = members[destination].takeNode()
    let process = members[destination].process
    var sent: SentTransaction
    do throws(BinderError) {
      sent = try members[sender].process.transmit(
        transaction, to: members[destination].nodes[node])
    } catch {
      members[destination].idleNodes.append(node)
      throw error
    }
    var slot = Slot(destination, sent.receipt, buffer)
    slot.node = node
    recorder?.noteSent(buffer, sent.receipt, at: now, process)
    guard let delivery = try process.receive() else { return slot }
    if let call = sent.call.take() {
      slot.call = open(call, sender, delivery)
    } else {
      slot.offset = Int32(truncatingIfNeeded: delivery.keep())
    }
    return slot
  }

  private mutating func reply(
    _ transaction: Transaction, _ buffer: PlannedBuffer, from sender: Int32, to destination: Int32
  ) throws(BinderError) -> Slot {
    let process = members[destination].process
    if let request = buffer.request, slots[request].call >= 0,
      calls[slots[request].call].caller == destination, slots[request].member == sender
    {
      let call = calls[slots[request].call]
      idleCalls.append(slots[request].call)
      slots[request].call = -1
      guard let delivery = call.delivery.take() else { return Slot() }
      let offset = delivery.keep()
      slots[request].offset = Int32(truncatingIfNeeded: offset)
      // If this throws, the call has failed.
      defer { call.call = nil }
      let receipt = try members[sender].process.reply(transaction, toBufferAt: offset)
      return try taken(call.call.take(), receipt, buffer, by: destination)
    }
    // The request is not in the capture, was freed before its reply, or failed here: have a
    // request of no consequence answered with the recorded reply.
    let outside = members[Self.outside].process
    let node = members[Self.outside].takeNode()
    defer { members[Self.outside].idleNodes.append(node) }
    let call = try process.call(Transaction(), to: members[Self.outside].nodes[node])
    guard let delivery = try outside.receive() else { return Slot() }
    let receipt = try delivery.reply(transaction)
    return try taken(call, receipt, buffer, by: destination)
  }

  /// Takes the reply of a call that was just answered.
  private func taken(
    _ call: consuming Call?, _ receipt: Receipt, _ buffer: PlannedBuffer, by destination: Int32
  ) throws(BinderError) -> Slot {
    var slot = Slot(destination, receipt, buffer)
    recorder?.noteSent(buffer, receipt, at: now, members[destination].process)
    if let call = call.take(), case .replied(let reply) = try call.takeReply() {
      slot.offset = Int32(truncatingIfNeeded: reply.keep())
    }
    return slot
  }

  private mutating func open(
    _ made: consuming Call, _ caller: Int32, _ delivery: consuming Delivery
  ) -> Int32 {
    let index: Int32
    if let idle = idleCalls.popLast() {
      index = idle
    } else {
      index = Int32(calls.count)
      calls.append(OpenCall())
    }
    let call = calls[index]
    call.call = consume made
    call.caller = caller
    call.delivery = consume delivery
    return index
  }

  // MARK: Freeing

  private mutating func free(_ index: Int) {
    let slot = slots[index]
    slots[index] = Slot()
    guard slot.member >= 0 else { return }
    if slot.node >= 0 { members[slot.member].idleNodes.append(slot.node) }
    if slot.call >= 0 {
      // Nobody waits for an answer here.
      let call = calls[slot.call]
      call.delivery = nil
      call.call = nil
      idleCalls.append(slot.call)
    } else if slot.offset >= 0 {
      do throws(BinderError) {
        try members[slot.member].process.free(at: Int(slot.offset))
      } catch {
        members[slot.member].failures[error.kind, default: 0] += 1
      }
    }
    members[slot.member].freed += 1
    recorder?.noteFreed(slot.debugID, at: now, members[slot.member].process)
    measure(slot.member)
  }

  // MARK: Processes

  private mutating func sender(of buffer: PlannedBuffer) throws(BinderError) -> Int32 {
    guard ReplayPlanner.pids.contains(buffer.sender) else { return Self.outside }
    let sender = try member(RegionKey(buffer.sender, buffer.context))
    guard buffer.kind == .request else { return sender }
    // A call needs a region that its reply can come to.
    do throws(BinderError) {
      try giveRegion(to: sender)
      return sender
    } catch {
      return Self.outside
    }
  }

  private mutating func member(_ key: RegionKey) throws(BinderError) -> Int32 {
    if let known = memberOf[key.number] { return Int32(truncatingIfNeeded: known) }
    members.append(ReplayedProcess(try context.makeProcess(pid: key.number)))
    memberOf[key.number] = members.count - 1
    return Int32(members.count - 1)
  }

  /// The process's region, if it was sent anything.
  func known(_ key: RegionKey) -> ReplayedProcess? {
    memberOf[key.number].map { members[$0] }
  }

  func regionLength(of pid: Int32) -> Int { setting.told[pid] ?? setting.regionLength }

  private mutating func giveRegion(to member: Int32) throws(BinderError) {
    guard !members[member].hasRegion else { return }
    let length = regionLength(of: RegionKey(number: members[member].process.pid).pid)
    try members[member].process.mapRegion(length: length, policy: setting.policy)
    members[member].hasRegion = true
  }

  private func failure(
    _ error: BinderError, _ buffer: PlannedBuffer, in destination: Int32
  ) -> ReplayFailure {
    let process = members[destination].process
    let statistics = process.statistics
    return ReplayFailure(
      line: buffer.line, nanoseconds: buffer.nanoseconds, transaction: buffer.transaction,
      receiver: buffer.destination, context: buffer.context, sender: buffer.sender,
      kind: "\(error.kind)", message: error.text(ProcessNames().label), size: buffer.size,
      dataSize: buffer.dataSize, offsetsSize: buffer.offsetsSize, extraSize: buffer.extraSize,
      freeBytes: statistics.freeBytes, largestFreeRange: statistics.largestFreeRange,
      freeOnewaySpace: statistics.freeOnewaySpace,
      holders: Array(holders(in: destination).prefix(5)),
      kernelLog: PredictedLog(setting.policy, setting.kernel).refusal(
        PredictedLog.Message(SentBuffer(buffer), thread: buffer.senderThread), error.kind,
        process.exhaustionLog(requested: buffer.size),
        freeOneway: statistics.freeOnewaySpace))
  }

  /// What the driver logs when it reports the sender.
  private func spamLog(_ buffer: PlannedBuffer, in destination: Int32) -> [String] {
    let key = RegionKey(buffer.sender, buffer.context).number
    let own = members[destination].process.inspect().buffers.filter {
      $0.isOneway && $0.senderPID == key
    }
    return PredictedLog(setting.policy, setting.kernel).spam(
      receiver: buffer.destination, sender: buffer.sender, buffers: own.count,
      bytes: own.reduce(0) { $0 + $1.size + setting.policy.rules.onewayHeader.charged })
  }

  /// Who holds a region's bytes now, most first.
  func holders(in member: Int32) -> [ReplayHolder] {
    var held: [Int32: (bytes: Int, buffers: Int)] = [:]
    for slot in slots where slot.member == member {
      held[slot.sender, default: (0, 0)].bytes += Int(slot.size)
      held[slot.sender, default: (0, 0)].buffers += 1
    }
    return
      held
      .map { ReplayHolder(pid: $0.key, bytes: $0.value.bytes, buffers: $0.value.buffers) }
      .sorted { ($0.bytes, $1.pid) > ($1.bytes, $0.pid) }
  }

  /// A request that has not been answered, with the delivery that its reply needs.
  private final class OpenCall {
    // Nil while the entry is idle.
    var call: Call?
    var delivery: Delivery?
    var caller: Int32 = 0
  }

  /// A buffer while it lives. Negative numbers stand for none.
  struct Slot: BitwiseCopyable {
    var member: Int32 = -1
    /// Where the buffer is, once it is held by that alone.
    var offset: Int32 = -1
    var node: Int32 = -1
    var call: Int32 = -1
    var sender: Int32 = 0
    var size: Int32 = 0
    var debugID: UInt32 = 0
    var transaction: UInt32 = 0
    var spam = SpamFinding.none

    init() {}

    init(_ member: Int32, _ receipt: Receipt, _ buffer: PlannedBuffer) {
      self.member = member
      size = Int32(truncatingIfNeeded: receipt.size)
      debugID = receipt.debugID
      transaction = buffer.transaction
      spam = receipt.spam
      sender = buffer.sender
    }
  }
}

extension Array {
  /// Places are kept in 32 bits, many of them to a cache line.
  subscript(index: Int32) -> Element {
    @inline(__always) get { self[Int(index)] }
    @inline(__always) _modify { yield &self[Int(index)] }
  }
}
