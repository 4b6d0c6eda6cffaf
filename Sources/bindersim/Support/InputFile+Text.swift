extension InputFile {
  /// The contents of a small file; bytes that are not UTF-8 become replacement marks.
  static func text(of path: String) throws(InputError) -> String {
    let file = try InputFile(path: path)
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 14, alignment: 1)
    defer { unsafe chunk.deallocate() }
    var bytes: [UInt8] = []
    while true {
      let count = try unsafe file.read(into: chunk)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      // SAFETY: `count` bytes of the chunk were just written.
      unsafe bytes.append(contentsOf: chunk[..<count])
    }
  }
}
