import BinderBuffer
import PageAlloc

/// A transaction made of fuzzed bytes: objects that may be right, sizes that may be impossible,
/// slices that may reach into memory that is not there; and what must be delivered if it is taken.
struct FuzzedMessage {
  private static let objectTypes: [UInt32] = [
    0x7362_2a85, 0x7762_2a85, 0x7368_2a85, 0x7768_2a85, 0x6664_2a85, 0x6664_6185, 0x7074_2a85, 0,
  ]
  private static let pointerType: UInt32 = 0x7074_2a85
  private static let offsetsStart = 20 << 10
  private static let contextStart = 24 << 10

  private(set) var transaction = Transaction()
  /// No size is negative or no multiple of 8 where it must be one, and no slice leaves the memory.
  let mayBeAccepted: Bool
  /// The sender's memory as it was when this was sent.
  private let image: [UInt8]
  private let memory: FuzzMemory

  init(_ input: inout FuzzInput, in memory: FuzzMemory) {
    self.memory = memory
    let (header, sizes) = (input.byte(), input.byte())
    transaction.flags = TransactionFlags(rawValue: UInt32(header & 1 | (header & 2) << 4))
    var dataSize = input.size()
    memory.write(input.take(min(max(0, dataSize), 64)), at: 0)
    let objects = Self.addObjects(header >> 4 & 7, &input, to: memory)
    if sizes & 1 == 0, objects.end > 0 { dataSize = objects.end }
    let offsetsSize = sizes & 6 != 6 ? objects.count * 8 : input.size()
    transaction.extraSize = sizes & 8 == 0 ? objects.extraSize : input.size()
    let contextSize = sizes & 0x30 == 0 ? input.size() : 0
    memory.write(input.take(min(max(0, contextSize), 16)), at: Self.contextStart)

    let places = [0, Self.offsetsStart, Self.contextStart]
    let lengths = [dataSize, offsetsSize, contextSize]
    let fit = zip(places, lengths).allSatisfy { $1 >= 0 && $0 <= FuzzMemory.size - $1 }
    // Only what is there may be called trusted.
    var source = [UserMemory.trusted, .untrusted, .untrusted, .trusted][header >> 2 & 3]
    if !fit, source == .trusted { source = .untrusted }
    let slices = zip(places, lengths).map { memory.slice($0, $1, source) }
    (transaction.data, transaction.offsets, transaction.securityContext) =
      (slices[0], slices[1], slices[2])
    mayBeAccepted =
      fit && offsetsSize % 8 == 0 && transaction.extraSize >= 0 && transaction.extraSize % 8 == 0
    transaction.readsOwnMemory = true
    image = memory.image
  }

  /// Puts objects and the offsets that name them into the memory.
  ///
  /// - Returns: where the last one ends, and the extra bytes that they ask for, if that can be.
  private static func addObjects(
    _ count: Int, _ input: inout FuzzInput, to memory: FuzzMemory
  ) -> (count: Int, end: Int, extraSize: Int) {
    var (end, extraSize) = (0, 0)
    for index in 0..<count {
      let choice = input.byte()
      let type = objectTypes[choice & 7]
      // Mostly behind the one before, sometimes anywhere.
      let place = choice & 0xF0 == 0xF0 ? input.short() & 0x3FFF : end + (choice >> 4) * 2
      end = place + size(of: type)
      memory.store(type, at: place)
      if type == pointerType {
        let isThere = choice & 8 == 0
        let length = input.size()
        memory.store(
          isThere ? UInt64(memory.address) + UInt64(input.short()) : input.word(), at: place + 8)
        memory.store(UInt64(bitPattern: Int64(length)), at: place + 16)
        extraSize = (extraSize &+ length &+ 7) & ~7
      }
      let offset = choice & 0xF8 == 0xF8 ? input.word() : UInt64(place)
      memory.store(offset, at: offsetsStart + index * 8)
      guard end < 0x4000 else { return (index + 1, end, extraSize) }
    }
    return (count, end, extraSize)
  }

  private static func size(of type: UInt32) -> Int {
    type == pointerType ? 40 : type == 0x6664_6185 ? 32 : 24
  }

  /// Every part that was delivered is what the sender's memory held, but for the addresses of extra
  /// buffers, which say where those are.
  func check(_ delivery: borrowing Delivery) throws {
    let data = bytes(of: transaction.data)!
    let offsets = bytes(of: transaction.offsets)!
    try require(delivery.withOffsets(Self.bytes), offsets, "offsets")
    try require(
      delivery.withSecurityContext(Self.bytes), bytes(of: transaction.securityContext)!,
      "security context")
    let extra = delivery.withExtra(Self.bytes)
    try require(extra.count, transaction.extraSize, "extra size")
    let extraStart = (data.count + 7) & ~7 + offsets.count
    var expected = data
    var (end, used) = (0, 0)
    for index in 0..<offsets.count / 8 {
      let offset = offsets.load(UInt64.self, at: index * 8)
      guard let place = Int(exactly: offset), place >= end, place % 4 == 0,
        place <= data.count - 24
      else { throw Finding(description: "object \(index) at \(offset) was accepted") }
      let type = data.load(UInt32.self, at: place)
      try require(type != 0 && Self.objectTypes.contains(type), "type \(type) was accepted")
      end = place + Self.size(of: type)
      try require(end <= data.count, "object \(index) at \(place) does not fit the data")
      guard type == Self.pointerType else { continue }
      let length = data.load(UInt64.self, at: place + 16)
      try require(length <= UInt64(extra.count - used), "\(length) extra bytes were accepted")
      let source = UserSlice(
        address: UInt(data.load(UInt64.self, at: place + 8)), length: Int(length), in: .untrusted)
      if let bytes = bytes(of: source) {
        try require(Array(extra[used..<used + bytes.count]), bytes, "extra buffer \(index)")
      }
      expected.store(UInt64(delivery.offset + extraStart + used), at: place + 8)
      used += (Int(length) + 7) & ~7
    }
    try require(delivery.withData(Self.bytes), expected, "data")
  }

  /// What the slice held when this was sent; nil when it is not all in the sender's memory.
  private func bytes(of slice: UserSlice) -> [UInt8]? {
    guard slice.length > 0 else { return [] }
    guard slice.address >= memory.address,
      slice.address - memory.address <= UInt(FuzzMemory.size - slice.length)
    else { return nil }
    let start = Int(slice.address - memory.address)
    return Array(image[start..<start + slice.length])
  }

  private static func bytes(_ span: Span<UInt8>) -> [UInt8] {
    span.withUnsafeBufferPointer { Array($0) }
  }
}

extension FuzzInput {
  /// A size: mostly small, sometimes as large as the region or the memory, sometimes impossible.
  mutating func size() -> Int {
    let choice = byte()
    switch choice {
    case 0..<128: return choice
    case 128..<192: return (choice & 63) << 3
    case 192..<224: return (choice & 31) << 8 | byte()
    case 224..<240: return (choice & 15) << 12 | byte()
    default:
      return [
        -1, .max, .min, .max - 7, 1 << 32, 1 << 31, 1 << 22, 1 << 22 + 8, 1 << 62, -8, -4096, 65536,
        65537, 32768, 4096, 0,
      ][choice & 15]
    }
  }
}
