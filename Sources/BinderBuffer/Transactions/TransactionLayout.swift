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
  let offsetsStart: Int
  let extraStart: Int
  let securityContextStart: Int
  /// The bytes that the buffer takes.
  let size: Int

  /// - Throws: `invalidArgument` when a size is negative or the sum is no `Int`.
  init(data: Int, offsets: Int, extra: Int, securityContext: Int) throws(BinderError) {
    dataSize = data
    offsetsSize = offsets
    extraSize = extra
    securityContextSize = securityContext
    // Sizes of real messages: none is negative and no sum overflows.
    if (data | offsets | extra | securityContext) >> 32 == 0 {
      offsetsStart = (data &+ 7) & ~7
      extraStart = offsetsStart &+ (offsets &+ 7) & ~7
      securityContextStart = extraStart &+ (extra &+ 7) & ~7
      size = max(8, securityContextStart &+ (securityContext &+ 7) & ~7)
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
    self.offsetsStart = offsetsStart
    self.extraStart = extraStart
    self.securityContextStart = securityContextStart
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
  func checkUnits() throws(BinderError) {
    guard offsetsSize & 7 == 0 else { throw .invalidArgument(.offsetsSize(offsetsSize)) }
    guard extraSize & 7 == 0 else { throw .invalidArgument(.extraSize(extraSize)) }
  }
}
