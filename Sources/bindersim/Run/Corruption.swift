/// A buffer that did not hold what was sent.
struct Corruption: Equatable, Sendable, CustomStringConvertible {
  enum Place: String, Sendable {
    case data, offsets
    case dataSize = "data size"
    case offsetsSize = "offsets size"
    case extraSize = "extra size"
  }

  /// The process that received it.
  let pid: Int32
  /// Where the buffer lies in that process's region.
  let buffer: Int
  /// The message's number.
  let message: UInt32
  let place: Place
  /// The byte's place in the data or the offsets; 0 for sizes.
  let position: Int
  let expected: Int
  let got: Int

  var description: String {
    let what = "process \(pid), buffer at \(buffer), message \(message): "
    return switch place {
    case .data, .offsets:
      what + "\(place.rawValue) byte \(position) is \(hex(got)), expected \(hex(expected))"
    case .dataSize, .offsetsSize, .extraSize:
      what + "\(place.rawValue) is \(got), expected \(expected)"
    }
  }

  private func hex(_ byte: Int) -> String {
    (byte < 16 ? "0x0" : "0x") + String(byte, radix: 16)
  }
}
