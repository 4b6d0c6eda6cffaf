internal import PageAlloc

/// The objects that a buffer's offsets array names, validated one by one in the copy.
///
/// Offsets ascend; objects are 4-aligned, of a known type, inside the data, and do not overlap. The
/// bytes that `ptr` objects point at go one behind the other, each rounded up to 8, into the room
/// for extra buffers. References and descriptors are left as they are: the engine has no handle
/// table.
struct ObjectTable {
  /// What a `ptr` object asks for: bytes of the sender, to be copied into the room for extra
  /// buffers.
  struct ExtraBuffer {
    /// The place of the object in the offsets array.
    let index: Int
    /// In the sender's memory.
    let source: UInt
    let length: Int
    /// Where the bytes go, from the buffer's start.
    let target: Int
    /// Where the object's address field lies, from the buffer's start.
    let addressField: Int
  }

  private let layout: TransactionLayout
  private var index = 0
  // INVARIANT: the objects before `index` are valid and end at or before `end`.
  private var end = 0
  // INVARIANT: a multiple of 8, at most the extra size.
  private var extraUsed = 0

  init(_ layout: TransactionLayout) {
    self.layout = layout
  }

  /// Validates objects up to the next `ptr` object; nil when all are valid.
  ///
  /// - Parameter buffer: the copy.
  /// - Throws: `invalidArgument` for the first that is not an object, or whose bytes do not fit.
  mutating func next(in buffer: RegionView) throws(BinderError) -> ExtraBuffer? {
    while index < layout.offsetsSize >> 3 {
      defer { index += 1 }
      let offset: UInt64 = buffer.word(at: layout.offsetsStart + index << 3)
      guard let place = Int(exactly: offset), let type = type(at: place, in: buffer) else {
        throw .invalidArgument(.object(index: index, offset: offset, dataSize: layout.dataSize))
      }
      end = place + Self.size(ofType: type)!
      if type == Self.pointerType { return try extraBuffer(at: place, in: buffer) }
    }
    return nil
  }

  /// The type of the object at `place`, if one may be there.
  private func type(at place: Int, in buffer: RegionView) -> UInt32? {
    guard place >= end, place & 3 == 0, place <= layout.dataSize - 4 else { return nil }
    let type: UInt32 = buffer.word(at: place)
    guard let size = Self.size(ofType: type), place <= layout.dataSize - size else { return nil }
    return type
  }

  private mutating func extraBuffer(
    at place: Int, in buffer: RegionView
  ) throws(BinderError) -> ExtraBuffer {
    // type u32, flags u32, address u64, length u64, parent u64, parent offset u64
    let address: UInt64 = buffer.word(at: place + 8)
    let length: UInt64 = buffer.word(at: place + 16)
    let remaining = layout.extraSize - extraUsed
    guard let count = Int(exactly: length), count <= remaining else {
      throw .invalidArgument(.extraBuffer(index: index, length: length, remaining: remaining))
    }
    defer { extraUsed += (count + 7) & ~7 }
    return ExtraBuffer(
      index: index, source: UInt(address), length: count, target: layout.extraStart + extraUsed,
      addressField: place + 8)
  }

  /// Type words and sizes as in the driver's user interface.
  private static func size(ofType type: UInt32) -> Int? {
    switch type {
    case 0x7362_2a85, 0x7762_2a85: 24  // binder, weak binder
    case 0x7368_2a85, 0x7768_2a85: 24  // handle, weak handle
    case 0x6664_2a85: 24  // file descriptor
    case 0x6664_6185: 32  // array of file descriptors
    case pointerType: 40
    default: nil
    }
  }

  private static var pointerType: UInt32 { 0x7074_2a85 }
}
