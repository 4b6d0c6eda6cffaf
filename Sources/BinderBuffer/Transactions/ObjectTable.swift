internal import PageAlloc

/// Validates the objects that a buffer's offsets array names, in the copy, and gathers the extra
/// buffers that `ptr` objects point at.
///
/// Offsets ascend, objects are 4-aligned, of a known type, inside the data, and do not overlap. A
/// `ptr` object's bytes are copied from the sender into the room for extra buffers, 8-aligned, and
/// its address becomes their offset in the region. References and descriptors inside other objects
/// are left as they are: the engine has no handle table.
enum ObjectTable {
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

  /// - Parameters:
  ///   - buffer: the copy.
  ///   - base: its offset in the region.
  ///   - source: the sender's memory, in which `ptr` objects name addresses.
  static func translate(
    _ buffer: RegionView, layout: TransactionLayout, base: Int, source: UserMemory
  ) throws(BinderError) {
    var end = 0
    var extraUsed = 0
    for index in 0..<layout.offsetsSize >> 3 {
      let offset: UInt64 = buffer.word(at: layout.offsetsStart + index << 3)
      guard
        let place = Int(exactly: offset), place >= end, place & 3 == 0,
        place <= layout.dataSize - 4
      else { throw .invalidArgument(.object(index: index, offset: offset, dataSize: layout.dataSize)) }
      let type: UInt32 = buffer.word(at: place)
      guard let size = size(ofType: type), place <= layout.dataSize - size else {
        throw .invalidArgument(.object(index: index, offset: offset, dataSize: layout.dataSize))
      }
      end = place + size
      guard type == pointerType else { continue }
      // type u32, flags u32, address u64, length u64, parent u64, parent offset u64
      let address: UInt64 = buffer.word(at: place + 8)
      let length: UInt64 = buffer.word(at: place + 16)
      let remaining = layout.extraSize - extraUsed
      guard let count = Int(exactly: length), count <= remaining else {
        throw .invalidArgument(.extraBuffer(index: index, length: length, remaining: remaining))
      }
      // The address came with the message: even one's own memory is checked while it is read.
      let memory: UserMemory = source == .trusted ? .untrusted : source
      var reader = UserSlice(address: UInt(address), length: count, in: memory).reader()
      do throws(PageAllocError) {
        try buffer.copy(from: &reader, at: layout.extraStart + extraUsed, length: count)
        try buffer.store(UInt64(base + layout.extraStart + extraUsed), at: place + 8)
      } catch {
        throw .badSource(error)
      }
      extraUsed += (count + 7) & ~7
    }
  }
}
