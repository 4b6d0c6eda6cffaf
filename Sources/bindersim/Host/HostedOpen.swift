internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// One open of a device by a program: the driver's process, and the file that stands for it.
///
/// The program has a descriptor of a pipe, which can be polled and duplicated and goes over fork.
/// When the last copy of it is closed, and when the last mapping of the region goes, the kernel
/// tells the host (inotify); no call of the program has to be watched for that.
final class HostedOpen: Sendable {
  let device: Device
  let process: DriverProcessID
  let owner: HostedProcess
  /// Writes and reads the pipe that the program polls.
  let signal: OwnedDescriptor
  let identity: OpenFileID
  let watch: CInt
  let counts = OpenCounts()

  private struct State {
    var isNonblocking: Bool
    var isReadable = false
    /// The region's file, once it is mapped.
    var regionIdentity: OpenFileID?
    var regionWatch: CInt = -1
    var regionLength = 0
    var mapsPrivately = false
    /// The region's file, reserved by a call of mmap that a signal ended.
    var pendingRegion: OwnedDescriptor?
    /// The program's own file while the region's stands in its place.
    var held: OwnedDescriptor?
    var heldCloseOnExec = false
    var address: UInt64 = 0
    var isClosed = false
    var isUnmapped = true
  }
  private let state: Locked<State>

  init(
    device: Device, process: DriverProcessID, owner: HostedProcess, signal: OwnedDescriptor,
    identity: OpenFileID, watch: CInt, isNonblocking: Bool
  ) {
    self.device = device
    self.process = process
    self.owner = owner
    self.signal = signal
    self.identity = identity
    self.watch = watch
    state = Locked(State(isNonblocking: isNonblocking))
  }

  var isNonblocking: Bool {
    get { state.withLock { $0.isNonblocking } }
    set { state.withLock { $0.isNonblocking = newValue } }
  }

  /// Makes the program's descriptor readable, or not.
  func setReadable(_ readable: Bool) {
    state.withLock {
      guard $0.isReadable != readable else { return }
      $0.isReadable = readable
      var byte: UInt8 = 1
      // The pipe never fills: one byte at most is in it.
      _ = readable ? unsafe write(signal.raw, &byte, 1) : unsafe read(signal.raw, &byte, 1)
    }
  }

  // MARK: the region

  func mapped(_ identity: OpenFileID, length: Int, watch: CInt) {
    state.withLock {
      $0.regionIdentity = identity
      $0.regionLength = length
      $0.regionWatch = watch
      $0.isUnmapped = false
    }
  }

  /// What an mmap has reserved, until the mapping is made.
  var pendingRegion: OwnedDescriptor? {
    get { state.withLock { $0.pendingRegion } }
    // Nobody can map a closed one: kept, the file would never be closed for the last time.
    set { state.withLock { $0.pendingRegion = $0.isClosed ? nil : newValue } }
  }

  /// The region's file stands in for the program's own until the next call.
  func hold(_ own: OwnedDescriptor, closeOnExec: Bool) {
    state.withLock {
      $0.held = own
      $0.heldCloseOnExec = closeOnExec
    }
  }

  /// The program's own file, to be put back; once.
  func takeHeld() -> (file: OwnedDescriptor, closeOnExec: Bool)? {
    state.withLock {
      guard let held = $0.held else { return nil }
      $0.held = nil
      return (held, $0.heldCloseOnExec)
    }
  }

  var regionLength: Int { state.withLock { $0.regionLength } }
  var regionWatch: CInt { state.withLock { $0.regionWatch } }
  var regionIdentity: OpenFileID? { state.withLock { $0.regionIdentity } }

  // MARK: its end

  /// The last descriptor is closed; whether that is news.
  func close() -> Bool {
    let (isNews, pending) = state.withLock { state in
      defer { (state.isClosed, state.pendingRegion) = (true, nil) }
      return (!state.isClosed, state.pendingRegion)
    }
    // Whose caller was killed before it was mapped. Its file closes here, outside the lock.
    _ = pending
    return isNews
  }

  /// The mapping is gone; whether that is news.
  func unmap() -> Bool {
    state.withLock { state in
      defer { state.isUnmapped = true }
      return !state.isUnmapped
    }
  }

  var hasEnded: Bool { state.withLock { $0.isClosed && $0.isUnmapped } }
}
