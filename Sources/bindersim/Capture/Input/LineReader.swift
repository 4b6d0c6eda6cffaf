internal import Glibc

/// Cuts a stream of bytes into lines, in memory that does not grow with the stream or the line.
///
/// A line ends at a newline or at the end of the stream. Of a line longer than `longestLine` only
/// its first `longestLine` bytes are seen. No line becomes a `String`.
@safe
struct LineReader: ~Copyable {
  /// Far above any trace line; markup around a trace may have lines of megabytes.
  static let longestLine = 64 * 1024
  private static let capacity = 4 * longestLine

  /// What is known about a line beside its bytes.
  struct LineInfo {
    /// Counted from 1.
    var number: Int
    /// The line is longer than `longestLine`; the rest was passed over.
    var isCut: Bool
    /// False only for a last line that the stream ended in.
    var hasNewline: Bool
  }

  private let source: any ByteSource
  private let buffer: UnsafeMutableRawBufferPointer
  // INVARIANT: 0 <= start <= end <= capacity; the bytes in start..<end were read, not yet handed out.
  private var start = 0
  private var end = 0
  private var sourceEnded = false

  /// Lines handed out so far.
  private(set) var lineCount = 0
  /// Bytes read so far.
  private(set) var byteCount = 0

  init(_ source: any ByteSource) {
    self.source = source
    // SAFETY: owned by this value alone and freed in its deinit.
    unsafe buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.capacity, alignment: 64)
  }

  deinit {
    // SAFETY: allocated in init, never given away.
    unsafe buffer.deallocate()
  }

  /// Hands the next line, without its newline, to `body`; nil at the end.
  mutating func next<R>(_ body: (Span<UInt8>, LineInfo) -> R) throws(InputError) -> R? {
    var scanned = start
    while true {
      if let newline = findNewline(from: scanned) {
        lineCount += 1
        let length = newline - start
        let info = LineInfo(
          number: lineCount, isCut: length > Self.longestLine, hasNewline: true)
        let result = withBytes(count: min(length, Self.longestLine)) { body($0, info) }
        start = newline + 1
        return result
      }
      scanned = end
      if end - start > Self.longestLine {
        lineCount += 1
        let info = LineInfo(number: lineCount, isCut: true, hasNewline: true)
        let result = withBytes(count: Self.longestLine) { body($0, info) }
        try skipLine()
        return result
      }
      if sourceEnded {
        guard start < end else { return nil }
        lineCount += 1
        let info = LineInfo(number: lineCount, isCut: false, hasNewline: false)
        let result = withBytes(count: end - start) { body($0, info) }
        start = end
        return result
      }
      scanned -= start
      try refill()
    }
  }

  /// Starts over at the first byte.
  mutating func rewind() throws(InputError) {
    try source.rewind()
    start = 0
    end = 0
    sourceEnded = false
    lineCount = 0
    byteCount = 0
  }

  /// Whether `rewind` works.
  var canRewind: Bool { source.canRewind }

  private func withBytes<R>(count: Int, _ body: (Span<UInt8>) -> R) -> R {
    // SAFETY: start..<start+count lies inside the bytes read (the invariant), and nothing writes
    // to the buffer while the span is in use: the body cannot reach this value.
    let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[start..<start + count])
      .assumingMemoryBound(to: UInt8.self)
    return body(unsafe bytes.span)
  }

  private func findNewline(from scanned: Int) -> Int? {
    guard scanned < end, let base = unsafe buffer.baseAddress else { return nil }
    // SAFETY: scanned..<end lies inside the buffer.
    guard let found = unsafe memchr(base + scanned, 0x0A, end - scanned) else { return nil }
    return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  /// Moves what is left to the front and reads behind it.
  private mutating func refill() throws(InputError) {
    guard let base = unsafe buffer.baseAddress else { return }
    if start > 0 {
      // SAFETY: both ranges lie inside the buffer; memmove allows them to overlap.
      unsafe memmove(base, base + start, end - start)
      end -= start
      start = 0
    }
    // SAFETY: end..<capacity is free: nothing in it was handed out or is still to be.
    let count = unsafe try source.read(
      into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
    byteCount += count
    end += count
    sourceEnded = count == 0
  }

  /// Passes over the rest of a line that is too long to hold.
  private mutating func skipLine() throws(InputError) {
    while true {
      if let newline = findNewline(from: start) {
        start = newline + 1
        return
      }
      start = end
      if sourceEnded { return }
      try refill()
    }
  }
}
