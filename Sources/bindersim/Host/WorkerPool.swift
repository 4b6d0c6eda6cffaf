internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// Threads that take calls from one listener and answer them.
///
/// Each handles a call from beginning to end, and may wait for a program's memory on the way. At
/// least one more is always ready to take the next call, so that a program that holds up its
/// worker holds up nobody else.
final class WorkerPool: Sendable {
  let listener: OwnedDescriptor
  private let table: HostTable
  private let ready = Atomic<Int>(0)
  private let alive = Atomic<Int>(0)
  private let hasEnded = Atomic<Bool>(false)

  /// Ready threads beyond so many end.
  private static let mostReady = 3
  /// Bounds what programs with blocked memory can take from the host.
  private static let mostThreads = 1024

  init(listener: OwnedDescriptor, table: HostTable) {
    self.listener = listener
    self.table = table
  }

  /// Starts the first threads; false when the system refuses them.
  func start() -> Bool { add() && add() }

  /// No more calls: all programs are gone.
  func end() { hasEnded.store(true, ordering: .relaxed) }

  private func add() -> Bool {
    guard alive.load(ordering: .relaxed) < Self.mostThreads else { return false }
    alive.add(1, ordering: .relaxed)
    ready.add(1, ordering: .relaxed)
    let isStarted = DetachedThread.start { [self] in
      work()
      alive.subtract(1, ordering: .relaxed)
    }
    if !isStarted {
      alive.subtract(1, ordering: .relaxed)
      ready.subtract(1, ordering: .relaxed)
    }
    return isStarted
  }

  private func work() {
    var call = bb_call()
    while !hasEnded.load(ordering: .relaxed) {
      let error = unsafe bb_call_receive(listener.raw, &call)
      if error == -ENOENT || error == -EINTR {
        // Interrupted before it was taken, or all programs are gone.
        if isHungUp { break }
        continue
      }
      guard error == 0 else { break }
      if ready.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { _ = add() }
      table.handle(HostedCall(call, listener: listener))
      if ready.add(1, ordering: .acquiringAndReleasing).newValue > Self.mostReady { break }
    }
    ready.subtract(1, ordering: .relaxed)
  }

  /// Whether no program is left that could call.
  var isHungUp: Bool {
    var look = pollfd(fd: listener.raw, events: Int16(POLLIN), revents: 0)
    return unsafe Glibc.poll(&look, 1, 0) > 0 && look.revents & Int16(POLLHUP) != 0
  }
}

/// A thread that nobody joins. It gets no signals: those are the main thread's.
enum DetachedThread {
  static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    guard let thread = WorkerThread(body) else { return false }
    thread.detach()
    return true
  }
}
