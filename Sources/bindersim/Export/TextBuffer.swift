/// Text that is written to a file in large chunks.
struct TextBuffer {
  private static let pieceSize = 1 << 16
  private var text = ""

  mutating func add(_ more: String, to file: borrowing OutputFile) throws(CommandError) {
    text += more
    if text.utf8.count >= Self.pieceSize { try flush(to: file) }
  }

  mutating func flush(to file: borrowing OutputFile) throws(CommandError) {
    try file.write(text)
    text.removeAll(keepingCapacity: true)
  }
}
