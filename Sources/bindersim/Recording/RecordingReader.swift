/// Reads a recording line by line, in fixed memory.
struct RecordingReader: ~Copyable {
  let path: String
  /// In bytes; nil for what is no regular file.
  let fileSize: Int?
  private var lines: LineReader

  init(path: String) throws(RecordingError) {
    self.path = path
    do throws(InputError) {
      let file = try InputFile(path: path)
      fileSize = file.regularByteCount
      lines = LineReader(FileSource(file))
    } catch {
      throw .input(error)
    }
  }

  init(name: String, bytes: [UInt8], chunk: Int = .max) {
    path = name
    fileSize = nil
    lines = LineReader(MemorySource(bytes, chunk: chunk))
  }

  /// The number of the line read last.
  var line: Int { lines.lineCount }
  var byteCount: Int { lines.byteCount }

  /// The next line that is not a comment; nil at the end.
  mutating func next() throws(RecordingError) -> RecordingLine? {
    while true {
      guard let line = try read() else { return nil }
      if line != .comment { return line }
    }
  }

  private mutating func read() throws(RecordingError) -> RecordingLine? {
    let result: Result<RecordingLine, RecordingFault>?
    do throws(InputError) {
      result = try lines.next { bytes, info in
        do throws(RecordingFault) {
          if info.isCut {
            throw RecordingFault("the line is longer than \(LineReader.longestLine) bytes")
          }
          let line = try RecordingParser.parse(bytes)
          guard info.hasNewline || line == .comment else {
            throw RecordingFault(
              "the file ends within this line; end it with a newline if it is whole")
          }
          return .success(line)
        } catch {
          guard !info.hasNewline, !error.text.hasPrefix("the file ends") else {
            return .failure(error)
          }
          return .failure(RecordingFault("the file ends within this line: " + error.text))
        }
      }
    } catch {
      throw .input(error)
    }
    switch result {
    case .success(let line): return line
    case .failure(let fault): throw .line(path: path, line: lines.lineCount, fault.text)
    case nil: return nil
    }
  }
}

/// Why a recording could not be used.
enum RecordingError: Error, Equatable, CustomStringConvertible {
  case input(InputError)
  case line(path: String, line: Int, String)

  var description: String {
    switch self {
    case .input(let error): "\(error)"
    case .line(let path, let line, let what): "\(path):\(line): \(what)"
    }
  }
}
