internal import CLinuxShims

/// How packed bytes are laid out.
enum PackedFormat: Sendable {
  case gzip, zlib, zstd
  /// Deflate without a header, as zip files hold it.
  case deflate

  var text: String {
    switch self {
    case .gzip: "gzip"
    case .zlib: "zlib"
    case .zstd: "zstd"
    case .deflate: "deflate"
    }
  }

  /// The system's library that unpacks it.
  var library: String { self == .zstd ? "libzstd.so.1" : "libz.so.1" }

  fileprivate var package: String { self == .zstd ? "libzstd1" : "zlib1g" }
}

/// A stream that the system's zlib or zstd unpacks, both opened only when one is made.
///
/// Owns the library's state. Not for use by several threads at once.
@safe
final class Unpacker {
  enum Status { case more, end, damaged, noMemory }

  let format: PackedFormat
  private let state: OpaquePointer

  /// - Throws: where the library is missing, with what to do; `path` is the file that needs it.
  init(_ format: PackedFormat, path: String) throws(InputError) {
    self.format = format
    let opened =
      switch format {
      case .gzip: unsafe bb_inflate_open(31)
      case .zlib: unsafe bb_inflate_open(15)
      case .deflate: unsafe bb_inflate_open(-15)
      case .zstd: unsafe bb_zstd_open()
      }
    guard let opened = unsafe opened else {
      throw InputError(
        path: path,
        reason: "it holds \(format.text) data, and the system has no \(format.library) to unpack "
          + "it; install it (Debian, Ubuntu: \(format.package)) or unpack the file first")
    }
    unsafe state = opened
  }

  deinit {
    // SAFETY: opened in init, closed only here.
    unsafe bb_unpack_close(state)
  }

  /// Unpacks from `input` into `target`: how much was taken, how much made.
  func unpack(
    _ input: Span<UInt8>, into target: UnsafeMutableRawBufferPointer
  ) -> (status: Status, taken: Int, made: Int) {
    guard let base = target.baseAddress else { return (.more, 0, 0) }
    var taken = input.count
    var made = target.count
    let status = unsafe input.withUnsafeBytes { bytes in
      // SAFETY: the library reads at most `taken` and writes at most `made` bytes; both live
      // through the call, and it keeps no pointer to either behind it.
      unsafe bb_unpack(state, bytes.baseAddress, &taken, base, &made)
    }
    switch status {
    case bb_unpack_end: return (.end, taken, made)
    case bb_unpack_more: return (.more, taken, made)
    case bb_unpack_no_memory: return (.noMemory, taken, made)
    default: return (.damaged, taken, made)
    }
  }

  /// Begins another stream; false when the library refuses.
  func reset() -> Bool {
    // SAFETY: the state is open as long as this value lives.
    unsafe bb_unpack_reset(state) == 0
  }

  /// A whole stream at once, of at most `limit` bytes unpacked; nil when it is damaged, ends early or
  /// is longer.
  func whole(_ input: Span<UInt8>, limit: Int) -> [UInt8]? {
    guard reset() else { return nil }
    var output = [UInt8](repeating: 0, count: min(limit, max(4096, input.count * 8)))
    var taken = 0
    var made = 0
    while true {
      let step = unsafe output.withUnsafeMutableBytes { bytes in
        // SAFETY: made <= the array's length.
        unsafe unpack(
          input.extracting(taken..<input.count),
          into: UnsafeMutableRawBufferPointer(rebasing: bytes[made...]))
      }
      taken += step.taken
      made += step.made
      switch step.status {
      case .end:
        output.removeLast(output.count - made)
        return output
      case .damaged, .noMemory: return nil
      case .more:
        if made < output.count {
          guard step.taken + step.made > 0 else { return nil }
        } else {
          guard output.count < limit else { return nil }
          output.append(
            contentsOf: repeatElement(0, count: min(output.count, limit - output.count)))
        }
      }
    }
  }
}
