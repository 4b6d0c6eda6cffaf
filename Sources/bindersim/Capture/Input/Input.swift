/// A file, a pipe or bytes, recognised by its content and unpacked: what every reader of input
/// starts from.
///
/// The bytes are read as a stream, in fixed memory. Errors name the file, what it is and what to
/// do. Belongs to one reader at a time.
final class Input {
  private static let mostLayers = 4

  let path: String
  let kind: InputKind
  /// What was taken off, outermost first.
  let layers: [InputLayer]
  /// The bytes behind all layers, from the first on.
  let source: any ByteSource
  /// The length of the file as it is stored, in bytes; nil for what is no regular file.
  let fileSize: Int?

  /// Opens `path`; `-` is standard input.
  convenience init(path: String) throws(InputError) {
    let file = try InputFile(path: path)
    let size = file.regularByteCount
    try self.init(
      path: path, fileSize: size, size == nil ? PipeSource(file) : FileSource(file))
  }

  /// Bytes in memory, handed on in chunks of at most `chunk` bytes.
  convenience init(bytes: [UInt8], name: String = "bytes", chunk: Int = .max) throws(InputError) {
    try self.init(path: name, fileSize: nil, MemorySource(bytes, chunk: chunk))
  }

  /// Bytes in memory that are to be read as `kind`, whatever they are.
  init(bytes: [UInt8], as kind: InputKind, chunk: Int = .max) {
    path = "bytes"
    self.kind = kind
    layers = []
    source = MemorySource(bytes, chunk: chunk)
    fileSize = nil
  }

  private init(path: String, fileSize: Int?, _ stored: any ByteSource) throws(InputError) {
    self.path = path
    self.fileSize = fileSize
    var source = stored
    var layers: [InputLayer] = []
    var peek = try Self.peek(source)
    while layers.count < Self.mostLayers, let found = InputRecognizer.layer(peek.span) {
      layers.append(found.layer)
      source =
        switch found.layer {
        case .gzip: try UnpackedSource(source, .gzip, path: path)
        case .zlib: try UnpackedSource(source, .zlib, skipping: found.skipped, path: path)
        case .zstd: try UnpackedSource(source, .zstd, path: path)
        case .utf16: UTF16Source(source)
        }
      peek = try Self.peek(source)
    }
    var kind = InputRecognizer.kind(peek.span)
    if kind == .systraceJSON, try !EmbeddedTextSource.holdsTrace(source) { kind = .chromeJSON }
    self.layers = layers
    self.source = source
    self.kind = kind
  }

  private static func peek(_ source: any ByteSource) throws(InputError) -> [UInt8] {
    let bytes = try source.bytes(atMost: InputRecognizer.peekCount)
    try source.rewind()
    return bytes
  }

  /// `ftrace text in gzip`.
  var description: String {
    ([kind.text] + layers.reversed().map(\.text)).joined(separator: " in ")
  }

  /// Why the bytes end before their time, known once they were read; nil if they do not.
  var damage: String? { source.damage }

  /// Why nothing can be replayed from it; nil where a reader may try.
  var refusal: InputError? {
    kind.remedy.map { InputError(path: path, reason: "this is \(description): \($0)") }
  }
}
