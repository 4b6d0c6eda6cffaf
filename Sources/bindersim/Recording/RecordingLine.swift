/// One line of a recording: what was done to one process's region, and what the driver answered.
///
/// Sizes and offsets are in bytes.
enum RecordingLine: Equatable, Sendable {
  case comment
  case driver(RecordedDriver)
  case region(Int)
  case senders(Int)
  case alloc(RecordedAlloc)
  case free(id: UInt64, wasLive: Bool)
  case stat(RecordedStat)
  /// Nil: every idle page.
  case reclaim(Int?)
  /// The runs of pages that have a frame, low to high.
  case pages([Range<Int>])
}

/// Who answered: `driver c 6.12`.
struct RecordedDriver: Equatable, Sendable {
  var name: String
  var version: String
}

/// One transaction to the region's process.
struct RecordedAlloc: Equatable, Sendable {
  var id: UInt64
  var sender: Int
  var dataSize: Int
  var offsetsSize: Int
  var extraSize: Int
  var isOneway: Bool
  var result: RecordedResult
}

enum RecordedResult: Equatable, Sendable {
  case placed(offset: Int, isSpam: Bool)
  /// The name of the error number: `ENOSPC`.
  case failed(String)
}

/// A region at a checkpoint.
struct RecordedStat: Equatable, Sendable {
  var freeOnewaySpace: Int
  var buffers: Int
  var pagesInUse: Int
  var pagesAvailable: Int
  var pagesFree: Int
  /// Nil where the driver keeps none.
  var pageHighWatermark: Int?
}
