internal import CLinuxShims
internal import Glibc

/// A device as a program uses it: the kernel's or a host's, there is no difference.
@safe final class BinderDevice {
  private let descriptor: CInt
  private let region: UnsafeRawPointer
  private let length: Int
  private var commands: [UInt8] = []

  enum Failure: Error {
    case system(String, CInt)
  }

  init(path: String, length: Int = 1 << 20) throws(Failure) {
    descriptor = unsafe Glibc.open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open \(path)", errno) }
    self.length = length
    let mapped = unsafe mmap(nil, length, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw .system("mmap \(path)", errno)
    }
    unsafe region = UnsafeRawPointer(mapped)
  }

  deinit {
    unsafe munmap(UnsafeMutableRawPointer(mutating: region), length)
    close(descriptor)
  }

  func becomeManager() throws(Failure) {
    var zero: Int32 = 0
    guard unsafe ioctl(descriptor, UInt(bb_ioctl_set_context_mgr.rawValue), &zero) == 0 else {
      throw .system("BINDER_SET_CONTEXT_MGR", errno)
    }
  }

  // MARK: commands, which go out with the next exchange

  func put(_ command: bb_bc, _ arguments: [UInt8] = []) {
    commands += Bytes.of(command.rawValue) + arguments
  }

  /// A message; what it holds must stay in place until the exchange, which copies it.
  func put(_ command: bb_bc, message: binder_transaction_data) {
    commands += Bytes.of(command.rawValue)
    unsafe withUnsafeBytes(of: message) { unsafe commands.append(contentsOf: $0) }
  }

  /// Sends the commands, and waits for returns; calls `body` for each with what follows it.
  func exchange(_ body: (_ code: UInt32, _ payload: ArraySlice<UInt8>) -> Void) throws(Failure) {
    var returns = [UInt8](repeating: 0, count: 512)
    var values = binder_write_read()
    var status: CInt
    repeat {
      status = unsafe commands.withUnsafeBytes { out in
        unsafe returns.withUnsafeMutableBytes { into in
          values.write_buffer = UInt64(UInt(bitPattern: out.baseAddress))
          values.write_size = UInt64(out.count)
          values.read_buffer = UInt64(UInt(bitPattern: into.baseAddress))
          values.read_size = UInt64(into.count)
          return unsafe ioctl(descriptor, UInt(bb_ioctl_write_read.rawValue), &values)
        }
      }
    } while status != 0 && errno == EINTR
    guard status == 0 else { throw .system("BINDER_WRITE_READ", errno) }
    commands.removeAll(keepingCapacity: true)
    var rest = returns[..<Int(values.read_consumed)]
    while rest.count >= 4 {
      let code = Bytes.word(rest)
      rest = rest.dropFirst(4)
      let size = Int(code >> 16 & 0x3fff)
      body(code, rest.prefix(size))
      rest = rest.dropFirst(size)
    }
  }

  /// The bytes of a received message. A copy: the buffer can be freed at once.
  func bytes(at address: UInt64, count: UInt64) -> [UInt8] {
    let start = UInt(bitPattern: unsafe region)
    guard address >= UInt64(start), count <= UInt64(length),
      address - UInt64(start) <= UInt64(length) - count
    else { return [] }
    // SAFETY: just checked to lie in the region, which stays mapped.
    return unsafe Array(
      UnsafeRawBufferPointer(
        start: region + Int(address - UInt64(start)), count: Int(count)))
  }
}

/// Numbers to bytes and back, as this machine has them.
enum Bytes {
  static func of<T>(_ value: T) -> [UInt8] {
    unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
  }

  /// The first four bytes; 0 when there are fewer.
  static func word(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    guard bytes.count >= 4 else { return 0 }
    return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt32.self) }
  }

  static func long(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    guard bytes.count >= 8 else { return 0 }
    return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt64.self) }
  }

  static func message(_ bytes: ArraySlice<UInt8>) -> binder_transaction_data? {
    guard bytes.count >= MemoryLayout<binder_transaction_data>.size else { return nil }
    return unsafe bytes.withUnsafeBytes {
      unsafe $0.loadUnaligned(as: binder_transaction_data.self)
    }
  }
}
