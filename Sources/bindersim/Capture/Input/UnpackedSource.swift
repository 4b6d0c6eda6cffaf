/// What another source's bytes are when unpacked: gzip (several behind each other too), zlib, zstd.
///
/// Data that is damaged or cut short gives what came before the fault; `damage` then tells.
final class UnpackedSource: ByteSource {
  private static let inputCount = 1 << 16

  private let inner: any ByteSource
  private let unpacker: Unpacker
  /// Bytes before the packed data.
  private let skipped: Int
  private var input: [UInt8] = []
  private var at = 0
  private var innerEnded = false
  /// Behind one stream, where another may begin.
  private var isBetween = false
  private var ended = false
  private var fault: String?

  /// - Throws: where the library is missing; `path` is the file that needs it.
  init(
    _ inner: any ByteSource, _ format: PackedFormat, skipping skipped: Int = 0, path: String
  ) throws(InputError) {
    self.inner = inner
    self.skipped = skipped
    unpacker = try Unpacker(format, path: path)
    if skipped > 0 { _ = try inner.bytes(atMost: skipped) }
  }

  var storedByteCount: Int { inner.storedByteCount }
  var canRewind: Bool { inner.canRewind }
  var damage: String? { fault ?? inner.damage }

  func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    guard target.count > 0 else { return 0 }
    while !ended {
      if isBetween, try !beginNext() { break }
      if at == input.count, !innerEnded { try refill() }
      let step = unsafe unpacker.unpack(input.span.extracting(at..<input.count), into: target)
      at += step.taken
      switch step.status {
      case .end: isBetween = true
      case .more:
        if step.taken + step.made == 0 {
          if at < input.count {
            fail("is damaged")
          } else if innerEnded {
            fail("ends in the middle")
          }
        }
      case .damaged: fail("is damaged")
      case .noMemory: fail("needs more memory than there is")
      }
      if step.made > 0 { return step.made }
    }
    return 0
  }

  private func fail(_ what: String) {
    let place = innerEnded ? "" : ", before byte \(inner.storedByteCount) of the file"
    fault = "the \(unpacker.format.text) data \(what)\(place)"
    ended = true
  }

  private func refill() throws(InputError) {
    let more = try inner.bytes(atMost: Self.inputCount)
    if at == input.count {
      input = more
    } else {
      input = Array(input[at...]) + more
    }
    at = 0
    innerEnded = more.isEmpty
  }

  /// Whether another stream begins here; anything else behind a stream is padding.
  private func beginNext() throws(InputError) -> Bool {
    if input.count - at < 4, !innerEnded { try refill() }
    isBetween = false
    let rest = input[at...].prefix(4)
    let begins =
      switch unpacker.format {
      case .gzip: rest.starts(with: [0x1F, 0x8B])
      case .zstd:
        rest.elementsEqual([0x28, 0xB5, 0x2F, 0xFD])
          || rest.count == 4 && rest.first.map { $0 & 0xF0 == 0x50 } == true
            && rest.dropFirst().elementsEqual([0x2A, 0x4D, 0x18])
      case .zlib, .deflate: false
      }
    if !begins || !unpacker.reset() { ended = true }
    return !ended
  }

  func rewind() throws(InputError) {
    try inner.rewind()
    if skipped > 0 { _ = try inner.bytes(atMost: skipped) }
    input = []
    at = 0
    innerEnded = false
    isBetween = false
    ended = !unpacker.reset()
    fault = nil
  }
}
