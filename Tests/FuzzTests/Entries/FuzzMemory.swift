import Glibc
import PageAlloc

/// Memory that fuzzed transactions are sent from; behind its end nothing can be read.
final class FuzzMemory: Sendable {
  static let size = 32 << 10
  /// One for all inputs: they come one at a time.
  static let shared = FuzzMemory()

  nonisolated(unsafe) private let base: UnsafeMutableRawPointer

  private init() {
    base = mmap(
      nil, 2 * Self.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    mprotect(base + Self.size, Self.size, PROT_NONE)
  }

  var address: UInt { UInt(bitPattern: base) }

  /// What it holds now.
  var image: [UInt8] { Array(UnsafeRawBufferPointer(start: base, count: Self.size)) }

  func clear() { memset(base, 0, Self.size) }

  func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
    precondition(offset >= 0 && offset + bytes.count <= Self.size)
    bytes.withUnsafeBytes {
      UnsafeMutableRawBufferPointer(start: base + offset, count: $0.count).copyMemory(from: $0)
    }
  }

  func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    precondition(offset >= 0 && offset + MemoryLayout<T>.size <= Self.size)
    base.storeBytes(of: value, toByteOffset: offset, as: T.self)
  }

  /// A slice that may reach behind the end, unless it is to be trusted.
  func slice(_ offset: Int, _ length: Int, _ source: UserMemory) -> UserSlice {
    if source == .trusted {
      precondition(length >= 0 && offset + length <= Self.size)
      return UserSlice(unsafeTrusted: UnsafeRawBufferPointer(start: base + offset, count: length))
    }
    return UserSlice(address: address + UInt(offset), length: length, in: source)
  }
}

extension [UInt8] {
  func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
  }

  mutating func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
    withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: T.self) }
  }
}
