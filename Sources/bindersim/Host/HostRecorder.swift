internal import BinderBuffer
internal import PageAlloc

/// Turns what the drivers of a host report into a recording, as a run makes one, and into counts.
///
/// Locked before a device's driver, never after: nothing here is called with one held.
final class HostRecorder: Sendable {
  private let recorder: Recorder
  private let start = MonotonicClock.now()

  private struct State {
    var regions: [RegionID: HostedRegion] = [:]
    var names: [Int32: String] = [:]
    /// When the ranges of messages that are being copied were reserved.
    var reserved: [UInt32: UInt64] = [:]
    /// When messages were sent that nobody has read or answered.
    var sent: [UInt32: Sent] = [:]
    /// The calls that replies on their way answer.
    var calls: [UInt32: UInt32] = [:]
    var tally = Tally()
    /// The last counts of regions that are gone.
    var ended: [HostReport.Region] = []
  }
  private let state = Locked(State())

  private struct Sent {
    let time: UInt64
    /// It stays until it is answered; others until they are read.
    let isCall: Bool
  }

  private struct RegionID: Hashable {
    let device: Int
    let process: DriverProcessID
  }

  /// Messages on their way whose times are kept; of more no latencies are told.
  private static let mostOnTheirWay = 100_000
  private static let mostEnded = 10_000

  /// Nil when nothing is recorded.
  init?(_ depth: RecordingDepth) {
    guard let recorder = Recorder(depth) else { return nil }
    self.recorder = recorder
  }

  /// How a process is called.
  func noteName(_ name: String, of pid: Int32) {
    state.withLock { $0.names[pid] = name }
  }

  /// Takes in what a device has to tell. Whoever does so takes in what others have caused before.
  func takeEvents(of device: Device) {
    state.withLock { state in
      for event in device.takeBufferEvents() { note(event, of: device, &state) }
    }
  }

  var tally: Tally { state.withLock { $0.tally } }
  var names: [Int32: String] { state.withLock { $0.names } }
  var recording: Recording { recorder.recording }

  /// The last counts of all regions, those that are still there too.
  var regions: [HostReport.Region] {
    let (ended, live, names) = state.withLock { ($0.ended, Array($0.regions.values), $0.names) }
    let living = live.map { region in
      HostReport.Region(
        region.statistics, of: region, name: names[RegionKey(number: region.pid).pid] ?? "?")
    }
    return (ended + living).sorted { ($0.pid, $0.peakBytes) < ($1.pid, $1.peakBytes) }
  }

  // MARK: one event

  private func note(_ timed: TimedBufferEvent, of device: Device, _ state: inout State) {
    let event = timed.event
    let id = RegionID(device: device.index, process: event.region)
    let key = RegionKey(event.pid, device.context).number
    let number = Self.number(event.id, on: device)
    if case .ended(let statistics) = event.step {
      guard let region = state.regions.removeValue(forKey: id) else { return }
      region.end()
      if state.ended.count < Self.mostEnded, statistics.policy != nil {
        state.ended.append(
          HostReport.Region(statistics, of: region, name: state.names[event.pid] ?? "?"))
      }
      return
    }
    let known = state.regions[id]
    if known == nil {
      // What was being copied when the open ended has no region any more.
      switch event.step {
      case .reserved, .refused: break
      default: return
      }
    }
    let region = known ?? HostedRegion(device, event.region, key: key)
    if known == nil { state.regions[id] = region }
    switch event.step {
    case .reserved: Self.keep(timed.time, for: number, in: &state.reserved)
    case .sent(let message): noteSent(message, number, timed.time, region, &state)
    case .received(let tid): noteReceived(number, tid, timed.time, region, &state)
    case .freed:
      state.reserved[number] = nil
      add(.freed(number), at: timed.time, event.pid, event.pid, region)
    case .refused(let message, let error):
      state.tally.countRefusal(error, isReply: message.isReply, at: since(timed.time))
      recorder.noteFailure(
        of: SentBuffer(message, 0, to: key), error, at: timed.time, thread: message.senderTID,
        in: timed.held ?? RegionInspection(emptyOf: event.pid))
    case .failed(let message, let error):
      let kind = FailureKind(errno: error)
      state.tally.errors[kind.rawValue] += 1
      let began = state.reserved.removeValue(forKey: number) ?? timed.time
      add(
        .failed(SentBuffer(message, 0, to: key), kind), at: began, message.senderPID,
        message.senderTID, region)
    case .ended: break
    }
  }

  private func noteSent(
    _ message: Driver.SentMessage, _ number: UInt32, _ time: UInt64, _ region: HostedRegion,
    _ state: inout State
  ) {
    // Where it is placed was decided then.
    let began = state.reserved.removeValue(forKey: number) ?? time
    let isCall = !message.isReply && !message.isOneway
    Self.keep(Sent(time: began, isCall: isCall), for: number, in: &state.sent)
    if message.isReply {
      let call = Self.number(message.answers, on: region.device)
      if state.sent[call] != nil { state.calls[number] = call }
    }
    state.tally.count(message)
    state.tally.record(.send, from: began, to: time)
    add(
      .sent(SentBuffer(message, number, to: region.pid)), at: began,
      lasting: time - min(time, began),
      message.senderPID, message.senderTID, region)
  }

  private func noteReceived(
    _ number: UInt32, _ tid: Int32, _ time: UInt64, _ region: HostedRegion, _ state: inout State
  ) {
    state.tally.received += 1
    if let sent = state.sent[number] {
      state.tally.record(.delivery, from: sent.time, to: time)
      if !sent.isCall { state.sent[number] = nil }
    }
    if let call = state.calls.removeValue(forKey: number),
      let called = state.sent.removeValue(forKey: call)
    {
      state.tally.record(.roundTrip, from: called.time, to: time)
    }
    add(.received(number), at: time, RegionKey(number: region.pid).pid, tid, region)
  }

  private func add(
    _ step: EngineEvent.Step, at time: UInt64, lasting duration: UInt64 = 0, _ process: Int32,
    _ thread: Int32, _ region: HostedRegion
  ) {
    recorder.note(
      EngineEvent(step: step, time: time, duration: duration, process: process, thread: thread),
      in: region)
  }

  private func since(_ time: UInt64) -> UInt64 { time > start ? time - start : 0 }

  private static func keep<T>(_ entry: T, for number: UInt32, in entries: inout [UInt32: T]) {
    if entries.count >= mostOnTheirWay { entries.removeAll() }
    entries[number] = entry
  }

  /// Each device numbers its transactions from 1 on; a recording tells all apart.
  private static func number(_ id: UInt32, on device: Device) -> UInt32 {
    UInt32(device.index) << 29 | id & (1 << 29 - 1)
  }
}

/// What a driver reported, and when.
struct TimedBufferEvent {
  let event: Driver.BufferEvent
  let time: UInt64
  /// What the region held when it refused a message.
  var held: RegionInspection?
}

/// The region of an open, as recorders look at it.
final class HostedRegion: TrackedRegion {
  let device: Device
  private let process: DriverProcessID
  /// Its process and its context: see `RegionKey`.
  let pid: Int32
  private let hasEnded = Locked(false)

  init(_ device: Device, _ process: DriverProcessID, key: Int32) {
    self.device = device
    self.process = process
    pid = key
  }

  func end() { hasEnded.withLock { $0 = true } }

  var statistics: ProcessStatistics {
    isThere ? device.statistics(process) ?? gone : gone
  }

  func inspect() -> RegionInspection {
    (isThere ? device.inspect(process) : nil) ?? RegionInspection(emptyOf: pid)
  }

  private var isThere: Bool { !hasEnded.withLock { $0 } }
  private var gone: ProcessStatistics { ProcessStatistics(pid: pid) }
}

extension SentBuffer {
  fileprivate init(_ message: Driver.SentMessage, _ id: UInt32, to receiver: Int32) {
    self.init(
      id: id, kind: MessageKind(isReply: message.isReply, isOneway: message.isOneway),
      sender: message.senderPID, receiver: receiver, awaitedBy: message.awaitedBy,
      node: message.node - (message.isReply ? 0 : 1), code: message.code, offset: message.offset,
      size: message.size, dataSize: message.dataSize, offsetsSize: message.offsetsSize,
      extraSize: message.extraSize, isSpam: message.isSpam)
  }
}

extension Tally {
  fileprivate mutating func count(_ message: Driver.SentMessage) {
    bytes += message.dataSize + message.offsetsSize
    if message.isSpam { spam += 1 }
    if message.isReply {
      replies += 1
    } else if message.isOneway {
      oneway += 1
    } else {
      sync += 1
    }
  }
}

extension FailureKind {
  /// What an error of the driver says of a message whose range was reserved.
  fileprivate init(errno: Int32) {
    self =
      switch Errno(rawValue: errno) {
      case .badAddress: .badSource
      case .noSuchProcess, Errno(rawValue: 0): .dead
      case .noMemory, .noSpace: .noMemory
      default: .invalidArgument
      }
  }
}
