internal import BinderBuffer

/// The recording of a run, shared by its threads.
///
/// Times are nanoseconds of any clock; the first one is the start.
final class Recorder: Sendable {
  private struct State {
    var recording: Recording
    var origin: UInt64?

    mutating func sinceOrigin(_ time: UInt64) -> UInt64 {
      let origin = origin ?? time
      self.origin = origin
      return time > origin ? time - origin : 0
    }
  }

  private let keepsEvents: Bool
  // Locked before a process's lock, never after one.
  private let state: Locked<State>

  /// Nil when nothing is recorded.
  init?(_ depth: RecordingDepth) {
    guard depth != .none else { return nil }
    keepsEvents = depth == .events
    state = Locked(State(recording: Recording(keepsEvents: depth == .events)))
  }

  /// Forgets all that was told.
  func restart() {
    state.withLock { $0 = State(recording: Recording(keepsEvents: keepsEvents)) }
  }

  /// From now on times are told as a capture's own clock shows them.
  func set(_ clock: RecordedClock) { state.withLock { $0.recording.clock = clock } }

  /// Advances to a time; call it before the regions change again.
  func advance(to time: UInt64) {
    state.withLock { $0.recording.advance(to: $0.sinceOrigin(time)) }
  }

  /// Records a step.
  ///
  /// - Parameter process: The process whose region holds the buffer.
  func note(_ event: EngineEvent, in process: any TrackedRegion) {
    state.withLock {
      var event = event
      event.time = $0.sinceOrigin(event.time)
      $0.recording.add(event, in: process)
    }
  }

  /// Records a refused message.
  ///
  /// - Parameter process: The process whose region had no room for it.
  func noteFailure(
    of buffer: SentBuffer, _ error: BinderError, at time: UInt64, thread: Int32,
    in process: any TrackedRegion
  ) {
    state.withLock {
      let time = $0.sinceOrigin(time)
      let event = EngineEvent(
        step: .failed(buffer, error.kind), time: time, process: buffer.sender, thread: thread)
      $0.recording.add(event, in: process)
      $0.recording.addFailure(of: buffer, error, at: time, in: process)
    }
  }

  /// What was recorded so far.
  var recording: Recording { state.withLock { $0.recording } }
}

/// What is kept of a run.
enum RecordingDepth: Sendable {
  case none
  /// Its regions over time.
  case timeline
  /// Its regions and its events.
  case events
}
