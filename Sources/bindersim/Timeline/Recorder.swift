internal import BinderBuffer

/// The recording of a run, shared by its threads.
///
/// Times are nanoseconds of any clock; the first that is told is the beginning.
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

  // Locked before the lock of the process that is looked at, never after one.
  private let state: Locked<State>

  /// Nil when nothing is to be kept.
  init?(_ depth: RecordingDepth) {
    guard depth != .none else { return nil }
    state = Locked(State(recording: Recording(keepsEvents: depth == .events)))
  }

  /// Time has come so far: to be told before the regions change again.
  func advance(to time: UInt64) {
    state.withLock { $0.recording.advance(to: $0.sinceOrigin(time)) }
  }

  /// A step was done.
  ///
  /// - Parameter process: in whose region the buffer is.
  func note(_ event: EngineEvent, in process: BinderProcess) {
    state.withLock {
      var event = event
      event.time = $0.sinceOrigin(event.time)
      $0.recording.add(event, in: process)
    }
  }

  /// A message was refused.
  ///
  /// - Parameter process: in whose region there was no room for it.
  func noteFailure(
    of buffer: SentBuffer, _ error: BinderError, at time: UInt64, thread: Int32,
    in process: BinderProcess
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

/// What of a run is kept.
enum RecordingDepth: Sendable {
  case none
  /// What its regions went through over time.
  case timeline
  /// Its events too.
  case events
}
