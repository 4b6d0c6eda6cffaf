internal import BinderBuffer
internal import Glibc
internal import PageAlloc

/// The payload of transactions whose sizes are all that is known of them: as many objects as the
/// data holds, one behind the other, and an offsets array that points at each.
///
/// A recorded data size and offsets size are prefixes of these two, so no payload is built per
/// transaction.
@safe
final class ObjectPattern {
  /// Bytes of one handle object.
  static let objectSize = 24
  private static let handleType: UInt32 = 0x7368_2A85
  /// No region is longer; what exceeds it must be refused before anything is read.
  static let longest = 4 << 20

  // INVARIANT: `data` holds whole objects; `offsets` counts 0, 24, 48, …
  private var data = Grown()
  private var offsets = Grown()

  /// `size` bytes of objects.
  func dataSlice(_ size: Int) -> UserSlice {
    // SAFETY: the closure stores inside the buffer that it is given.
    unsafe slice(size, of: data) { bytes, start in
      var at = start
      while at + 4 <= bytes.count {
        let type = at % Self.objectSize == 0 ? Self.handleType : 0
        // SAFETY: at + 4 is within the buffer, and at is a multiple of four.
        unsafe bytes.storeBytes(of: type, toByteOffset: at, as: UInt32.self)
        at += 4
      }
    }
  }

  /// `size` bytes of an offsets array.
  func offsetsSlice(_ size: Int) -> UserSlice {
    // SAFETY: as above.
    unsafe slice(size, of: offsets) { bytes, start in
      var at = start
      while at + 8 <= bytes.count {
        let offset = UInt64(at / 8 * Self.objectSize)
        // SAFETY: at + 8 is within the buffer, and at is a multiple of eight.
        unsafe bytes.storeBytes(of: offset, toByteOffset: at, as: UInt64.self)
        at += 8
      }
    }
  }

  /// A transaction of exactly these sizes. The slices hold until the next one is asked for.
  func transaction(
    code: UInt32 = 0, isOneway: Bool, dataSize: Int, offsetsSize: Int, extraSize: Int
  ) -> Transaction {
    Transaction(
      code: code, flags: isOneway ? .oneway : [], data: dataSlice(dataSize),
      offsets: offsetsSlice(offsetsSize), extraSize: extraSize)
  }

  /// Whether `bytes` are what `dataSlice` of their size holds.
  func isPrefix(_ bytes: RawSpan) -> Bool {
    let size = bytes.byteCount
    guard size > 0 else { return true }
    guard size <= Self.longest else { return false }
    _ = dataSlice(size)
    return unsafe bytes.withUnsafeBytes { delivered in
      // SAFETY: both hold `size` bytes.
      unsafe memcmp(delivered.baseAddress!, data.base, size) == 0
    }
  }

  /// How many offsets `dataSize` bytes have objects for, in bytes of offsets.
  static func largestOffsetsSize(dataSize: Int) -> Int { dataSize / objectSize * 8 }

  private func slice(
    _ size: Int, of memory: Grown, fill: (UnsafeMutableRawBufferPointer, Int) -> Void
  ) -> UserSlice {
    guard size > 0 else { return .empty }
    // Nothing is there to be read: an engine that tried would report a bad address.
    guard size <= Self.longest else {
      return unsafe UserSlice(address: 0, length: size, in: .untrusted)
    }
    return unsafe UserSlice(unsafeTrusted: memory.bytes(size, fill: fill))
  }

  /// Memory that is filled once, as far as it has been asked for.
  @safe
  private final class Grown {
    private var memory: UnsafeMutableRawBufferPointer

    init() {
      // SAFETY: owned by this object alone; an empty buffer may be deallocated too.
      unsafe memory = .allocate(byteCount: 0, alignment: 8)
    }

    deinit {
      // SAFETY: allocated here, never given away for longer than a transaction.
      unsafe memory.deallocate()
    }

    var base: UnsafeRawPointer { unsafe UnsafeRawPointer(memory.baseAddress!) }

    func bytes(
      _ size: Int, fill: (UnsafeMutableRawBufferPointer, Int) -> Void
    ) -> UnsafeRawBufferPointer {
      if unsafe size > memory.count {
        let count = max(64 << 10, size.nextPowerOfTwo)
        // SAFETY: the old memory is given back after the new one has taken its place.
        unsafe memory.deallocate()
        unsafe memory = .allocate(byteCount: count, alignment: 8)
        unsafe fill(memory, 0)
      }
      return unsafe UnsafeRawBufferPointer(rebasing: memory[..<size])
    }
  }
}

extension Int {
  /// The smallest power of two that is not below this positive number.
  fileprivate var nextPowerOfTwo: Int { 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
