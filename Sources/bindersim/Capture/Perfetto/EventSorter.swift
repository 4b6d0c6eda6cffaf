/// Puts the events of a trace in order of time, however many there are: what does not fit in memory
/// is sorted in runs, kept in a file without a name, and merged while it is read.
///
/// Events of one time stay in the order in which they came.
struct EventSorter {
  /// Events sorted at once; 12 MiB for each hundred thousand or so.
  static let runLength = 1 << 18
  /// Events of a run that are read from the file at once.
  private static let blockLength = 512

  private let runLength: Int
  private var current: [CaptureRecord] = []
  private var file: TemporaryFile?
  /// Events in each run of the file; run after run without a gap.
  private var runs: [Int] = []
  private(set) var count = 0

  // Reading.
  private var cursors: [Cursor] = []
  private var nextInMemory = 0
  private var delivered = 0
  private var isSorted = false

  private struct Cursor {
    var block: ArraySlice<CaptureRecord> = []
    /// Of the next block, in events from the beginning of the file.
    var next: Int
    var end: Int
  }

  init(runLength: Int = EventSorter.runLength) { self.runLength = runLength }

  /// Takes one event in; its line is replaced by its place in the order.
  mutating func add(_ record: CaptureRecord) throws(InputError) {
    var record = record
    record.line = count
    current.append(record)
    count += 1
    if current.count == runLength { try spill() }
  }

  private static func isBefore(_ a: CaptureRecord, _ b: CaptureRecord) -> Bool {
    (a.nanoseconds, a.line) < (b.nanoseconds, b.line)
  }

  private mutating func spill() throws(InputError) {
    current.sort(by: Self.isBefore)
    let file: TemporaryFile
    if let known = self.file {
      file = known
    } else {
      file = try TemporaryFile()
      self.file = file
    }
    let offset = (count - current.count) * MemoryLayout<CaptureRecord>.stride
    var failure: InputError?
    unsafe current.withUnsafeBytes { bytes in
      do throws(InputError) {
        // SAFETY: records are plain bits, of one process, read back by it alone.
        unsafe try file.write(bytes, at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    runs.append(current.count)
    current.removeAll(keepingCapacity: true)
  }

  /// All events were taken in; `next` begins with the first.
  mutating func start() {
    if !isSorted { current.sort(by: Self.isBefore) }
    isSorted = true
    cursors.removeAll()
    var from = 0
    for length in runs {
      cursors.append(Cursor(next: from, end: from + length))
      from += length
    }
    nextInMemory = 0
    delivered = 0
  }

  /// The next event; nil at the end. O(runs).
  mutating func next() throws(InputError) -> CaptureRecord? {
    var best: CaptureRecord?
    var bestRun = -1
    if nextInMemory < current.count { best = current[nextInMemory] }
    for run in cursors.indices {
      if cursors[run].block.isEmpty, cursors[run].next < cursors[run].end { try fill(run) }
      guard let first = cursors[run].block.first else { continue }
      if best.map({ Self.isBefore(first, $0) }) ?? true {
        best = first
        bestRun = run
      }
    }
    guard var record = best else { return nil }
    if bestRun < 0 { nextInMemory += 1 } else { cursors[bestRun].block.removeFirst() }
    delivered += 1
    record.line = delivered
    return record
  }

  private mutating func fill(_ run: Int) throws(InputError) {
    guard let file else { return }
    let length = min(Self.blockLength, cursors[run].end - cursors[run].next)
    let stride = MemoryLayout<CaptureRecord>.stride
    let offset = cursors[run].next * stride
    var failure: InputError?
    let block = unsafe [CaptureRecord](unsafeUninitializedCapacity: length) { buffer, filled in
      // SAFETY: records are plain bits, which `spill` wrote there; only whole ones count.
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var read = 0
      do throws(InputError) {
        while read < length * stride {
          let count = unsafe try file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: bytes[read..<length * stride]),
            at: offset + read)
          if count == 0 { break }
          read += count
        }
      } catch {
        failure = error
      }
      filled = read / stride
    }
    if let failure { throw failure }
    guard block.count == length else {
      throw InputError(
        path: TemporaryFile.directory, reason: "the copy of the trace's events was cut short")
    }
    cursors[run].next += length
    cursors[run].block = block[...]
  }
}
