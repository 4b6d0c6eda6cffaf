internal import BinderBuffer
internal import PageAlloc

/// The memory and the files of a sending program: a few stretches of bytes, all else unreadable.
struct DriverSender: BinderBuffer.SenderMemory {
  /// Everybody's.
  static let user: UInt32 = 1000

  // Where the parts of a write lie.
  static let commands: UInt64 = 0x1000
  static let data: UInt64 = 0x100_0000
  static let offsets: UInt64 = 0x200_0000
  static func buffer(_ object: Int) -> UInt64 { 0x300_0000 + UInt64(object) << 16 }

  var parts: [(address: UInt64, bytes: [UInt8])] = []
  var openDescriptors: Set<Int32> = []
  var nextToken: Int32 = 0
  private(set) var taken: [Int32] = []

  /// The commands of a write.
  init(commands: [UInt8]) { parts = [(Self.commands, commands)] }

  /// What a message's command points to.
  init(_ message: DriverMessage) {
    openDescriptors = message.openDescriptors
    nextToken = message.firstToken
    if message.isDataReadable { parts.append((Self.data, message.data)) }
    if message.areOffsetsReadable {
      var offsets = message.objects.flatMap { $0.at.littleEndianBytes(8) }
      offsets += [UInt8](repeating: 0, count: message.oddOffsetBytes)
      parts.append((Self.offsets, offsets))
    }
    for (i, object) in message.objects.enumerated() {
      if case .buffer(let bytes, isReadable: true, _) = object.kind {
        parts.append((Self.buffer(i), bytes))
      }
    }
  }

  mutating func copy(_ pieces: UnsafeBufferPointer<CopyPiece>) -> Int {
    var copied = 0
    for i in pieces.indices {
      let piece = unsafe pieces[i]
      let wanted = unsafe piece.target.count
      let address = unsafe piece.address
      if wanted == 0 { continue }
      guard
        let part = parts.first(where: {
          address >= $0.address && address - $0.address < UInt64($0.bytes.count)
        })
      else { return copied }
      let bytes = part.bytes[Int(address - part.address)...].prefix(wanted)
      // SAFETY: no longer than the target.
      unsafe piece.target.copyBytes(from: bytes)
      copied += bytes.count
      if bytes.count < wanted { return copied }
    }
    return copied
  }

  mutating func takeFile(_ descriptor: Int32) throws(Errno) -> FileToken {
    guard openDescriptors.contains(descriptor) else { throw .badFileDescriptor }
    defer { nextToken += 1 }
    taken.append(nextToken)
    return FileToken(rawValue: nextToken)
  }

  mutating func effectiveUser() -> UInt32 { Self.user }
}

extension FixedWidthInteger {
  /// As the machine has it.
  func littleEndianBytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) }
  }
}

extension [UInt8] {
  /// The integer at `offset`; its bytes must be there.
  func word(_ offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(self[offset + $1]) << UInt64(8 * $1) }
  }
}
