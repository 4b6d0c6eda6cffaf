internal import Glibc

/// A joinable thread of the operating system with a result. Simulated processes run on these, and
/// not on Swift tasks, because they block in the engine as the clients of the driver do.
struct WorkerThread<Result: Sendable>: Sendable {
  private let handle: pthread_t
  private let work: Work

  /// Starts `body` on a new thread; nil when the system refuses to create one.
  init?(_ body: @escaping @Sendable () -> Result) {
    work = Work(body)
    var handle = pthread_t()
    let retained = unsafe Unmanaged.passRetained(Start(work))
    let status = unsafe pthread_create(&handle, nil, threadMain, retained.toOpaque())
    guard status == 0 else {
      // No thread took over the reference.
      unsafe retained.release()
      return nil
    }
    self.handle = handle
  }

  /// Waits until the thread has ended and takes its result; call it once.
  func join() -> Result {
    pthread_join(handle, nil)
    return work.result!
  }

  /// Nobody waits for it: it cleans up after itself.
  func detach() { pthread_detach(handle) }

  // INVARIANT: `result` is written by the thread and read after it was joined.
  private final class Work: Runnable, @unchecked Sendable {
    private let body: @Sendable () -> Result
    private(set) var result: Result?

    init(_ body: @escaping @Sendable () -> Result) { self.body = body }

    func run() { result = body() }
  }
}

/// What a thread is started with, whatever the type of its result.
private protocol Runnable: AnyObject {
  func run()
}

private final class Start {
  let work: any Runnable
  init(_ work: any Runnable) { self.work = work }
}

private func threadMain(_ start: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  // SAFETY: `init` retained the object for this thread.
  unsafe Unmanaged<Start>.fromOpaque(start!).takeRetainedValue().work.run()
  return nil
}
