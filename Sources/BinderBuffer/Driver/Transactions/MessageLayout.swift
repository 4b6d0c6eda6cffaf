internal import PageAlloc

/// Where the parts of a message lie in its buffer, in bytes from the buffer's start: data, offsets,
/// scatter-gather buffers, security context, each rounded up to 8.
struct MessageLayout: BitwiseCopyable {
  let dataSize: Int
  let offsetsSize: Int
  let extraSize: Int
  let contextSize: Int
  /// What the buffer takes, at least 8.
  let size: Int

  /// What is asked of the region: nothing by a message of no bytes.
  var request: Int { dataSize | offsetsSize | extraSize | contextSize == 0 ? 0 : size }
  var offsetsStart: Int { roundedUp8(dataSize) }
  var extraStart: Int { offsetsStart + roundedUp8(offsetsSize) }
  var contextStart: Int { extraStart + roundedUp8(extraSize) }
  var objectCount: Int { offsetsSize / 8 }

  /// - Throws: `EINVAL` when the sum of the parts is no number, `ENOSPC` when it is more than any
  ///   region holds.
  init(_ command: TransactionCommand, contextSize: Int) throws(Errno) {
    var end: UInt64 = 0
    for part in [command.dataSize, command.offsetsSize, command.extraSize, UInt64(contextSize)] {
      let (rounded, overflow) = part.addingReportingOverflow(7)
      let (sum, overflow2) = end.addingReportingOverflow(rounded & ~7)
      guard !overflow, !overflow2 else { throw .invalidArgument }
      end = sum
    }
    guard end <= UInt64(Region.longest) else { throw .noSpace }
    dataSize = Int(command.dataSize)
    offsetsSize = Int(command.offsetsSize)
    extraSize = Int(command.extraSize)
    self.contextSize = contextSize
    size = max(8, Int(end))
  }
}
