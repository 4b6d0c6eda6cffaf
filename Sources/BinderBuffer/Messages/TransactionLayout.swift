internal import PageAlloc

/// Where the parts of a transaction lie in its buffer.
///
/// Data, offsets, extra buffers and security context follow each other, each rounded up to 8 bytes;
/// the whole takes at least 8, so that every live buffer has an address of its own.
struct TransactionLayout: BitwiseCopyable, Sendable {
  let dataSize: Int
  let offsetsSize: Int
  let extraSize: Int
  let securityContextSize: Int
  // INVARIANT: all parts, rounded up, fit an `Int` together; `size` is that, at least 8.
  /// The bytes that the buffer takes.
  let size: Int

  /// What is asked of the region: nothing by a transaction of no bytes, which takes 8 all the same.
  /// Some drivers account such a oneway buffer wrongly (``DriverRules/EmptyOneway``).
  var request: Int {
    dataSize | offsetsSize | extraSize | securityContextSize == 0 ? 0 : size
  }
  var offsetsStart: Int { Self.rounded(dataSize) }
  var extraStart: Int { offsetsStart &+ Self.rounded(offsetsSize) }
  var securityContextStart: Int { extraStart &+ Self.rounded(extraSize) }

  @inline(__always)
  private static func rounded(_ size: Int) -> Int { (size &+ 7) & ~7 }

  /// - Throws: `invalidArgument` when a size is negative or the sum is no `Int`.
  @inline(__always)
  init(data: Int, offsets: Int, extra: Int, securityContext: Int) throws(BinderError) {
    dataSize = data
    offsetsSize = offsets
    extraSize = extra
    securityContextSize = securityContext
    // Sizes of real messages: none is negative and no sum overflows.
    if (data | offsets | extra | securityContext) >> 32 == 0 {
      size = max(
        8,
        Self.rounded(data) &+ Self.rounded(offsets) &+ Self.rounded(extra)
          &+ Self.rounded(securityContext))
      return
    }
    guard
      let offsetsStart = Self.end(of: data, after: 0),
      let extraStart = Self.end(of: offsets, after: offsetsStart),
      let securityContextStart = Self.end(of: extra, after: extraStart),
      let end = Self.end(of: securityContext, after: securityContextStart)
    else {
      throw .invalidArgument(
        .sizes(data: data, offsets: offsets, extra: extra, securityContext: securityContext))
    }
    size = max(8, end)
  }

  @inline(__always)
  private static func end(of size: Int, after start: Int) -> Int? {
    let (rounded, overflow) = size.addingReportingOverflow(7)
    guard size >= 0, !overflow else { return nil }
    let (end, overflow2) = start.addingReportingOverflow(rounded & ~7)
    return overflow2 ? nil : end
  }

  /// Offsets and extra buffers come in units of 8 bytes.
  ///
  /// - Throws: `invalidArgument`. The C driver finds this out after it has allocated, the Rust
  ///   driver before.
  @inline(__always)
  func checkUnits() throws(BinderError) {
    if (offsetsSize | extraSize) & 7 != 0 { try rejectUnits() }
  }

  @inline(never)
  private func rejectUnits() throws(BinderError) {
    guard offsetsSize & 7 == 0 else { throw .invalidArgument(.offsetsSize(offsetsSize)) }
    throw .invalidArgument(.extraSize(extraSize))
  }
}
