internal import BinderBuffer

/// The objects that an offsets array names, looked at in the model's copy of a buffer.
enum ModelObjects {
  static let pointer: UInt32 = 0x7074_2a85

  static let sizes: [UInt32: Int] = [
    0x7362_2a85: 24, 0x7762_2a85: 24, 0x7368_2a85: 24, 0x7768_2a85: 24, 0x6664_2a85: 24,
    0x6664_6185: 32, pointer: 40,
  ]
  static let types: [UInt32] = sizes.keys.sorted() + [pointer, pointer]

  /// A `ptr` object: where it lies in the data, what it names, and where that goes, from the
  /// buffer's start.
  struct ExtraBuffer {
    let index: Int
    let place: Int
    let address: UInt
    let length: Int
    let target: Int
  }

  /// Goes through the objects in the order of the array and stops at the first that is wrong.
  static func walk(
    _ buffer: ModelBuffer, _ bytes: ModelBytes, _ body: (ExtraBuffer) -> BinderError?
  ) -> BinderError? {
    let layout = buffer.layout
    var (end, extraUsed) = (0, 0)
    for index in 0..<layout.offsets / 8 {
      let offset: UInt64 = bytes.word(at: buffer.offset + layout.offsetsStart + 8 * index)
      let wrong = BinderError.invalidArgument(
        .object(index: index, offset: offset, dataSize: layout.data))
      guard offset % 4 == 0, offset <= UInt64(layout.data), layout.data - Int(offset) >= 4,
        Int(offset) >= end
      else { return wrong }
      let place = Int(offset)
      let type: UInt32 = bytes.word(at: buffer.offset + place)
      guard let size = sizes[type], layout.data - place >= size else { return wrong }
      end = place + size
      guard type == pointer else { continue }
      let length: UInt64 = bytes.word(at: buffer.offset + place + 16)
      let remaining = layout.extra - extraUsed
      guard length <= UInt64(remaining) else {
        return .invalidArgument(.extraBuffer(index: index, length: length, remaining: remaining))
      }
      let address: UInt64 = bytes.word(at: buffer.offset + place + 8)
      let extra = ExtraBuffer(
        index: index, place: place, address: UInt(address), length: Int(length),
        target: layout.extraStart + extraUsed)
      if let error = body(extra) { return error }
      extraUsed += (Int(length) + 7) / 8 * 8
    }
    return nil
  }
}
