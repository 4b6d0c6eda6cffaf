internal import BinderBuffer

/// The parts of a transaction one behind the other, each rounded up to 8 bytes.
struct ModelLayout {
  let data: Int
  let offsets: Int
  let extra: Int
  let securityContext: Int
  let offsetsStart: Int
  let extraStart: Int
  let securityContextStart: Int
  let size: Int
  /// Whether the transaction has no bytes; it takes 8 all the same.
  var isEmpty: Bool { [data, offsets, extra, securityContext].allSatisfy { $0 == 0 } }

  /// Nil when a size is negative or the sum does not fit.
  init?(data: Int, offsets: Int, extra: Int, securityContext: Int) {
    var starts: [Int] = []
    var end = 0
    for part in [data, offsets, extra, securityContext] {
      starts.append(end)
      guard part >= 0, part <= Int.max - 7 - end else { return nil }
      end += (part + 7) / 8 * 8
    }
    self.data = data
    self.offsets = offsets
    self.extra = extra
    self.securityContext = securityContext
    offsetsStart = starts[1]
    extraStart = starts[2]
    securityContextStart = starts[3]
    size = max(8, end)
  }

  /// The first size that is no multiple of 8 and has to be.
  var oddSize: BinderError.InvalidArgument? {
    if offsets % 8 != 0 { return .offsetsSize(offsets) }
    if extra % 8 != 0 { return .extraSize(extra) }
    return nil
  }
}
