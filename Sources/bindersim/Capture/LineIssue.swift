/// Why a line of a capture cannot be used.
struct LineIssue: Error, Equatable, Sendable {
  enum Kind: String, CaseIterable, Sendable, Codable {
    case notATraceLine, binary, tooLong, cutShort, lostEvents
    /// Of a Perfetto trace: a packet, a bundle of events or an event that is not well-formed.
    case damagedPacket, packetTooLong, packedPacket
    case missingField, malformedField, negativeSize, numberTooLarge

    var text: String {
      switch self {
      case .notATraceLine: "not a trace line"
      case .binary: "not text"
      case .tooLong: "longer than \(LineReader.longestLine) bytes"
      case .cutShort: "cut short at the end of the file"
      case .lostEvents: "the recording device lost events here"
      case .damagedPacket: "a packet is damaged"
      case .packetTooLong: "a packet is longer than \(PacketReader.longestPacket >> 20) MiB"
      case .packedPacket: "a compressed packet cannot be unpacked"
      case .missingField: "a field is missing"
      case .malformedField: "a field is not a number"
      case .negativeSize: "a size is negative"
      case .numberTooLarge: "a number is out of range"
      }
    }
  }

  var kind: Kind
  var field: FieldName?

  /// `data_size: a size is negative`.
  var text: String { field.map { "\($0.word): \(kind.text)" } ?? kind.text }
}

/// A field as the kernel calls it. No `String`: issues travel with every line.
struct FieldName: Equatable, Sendable {
  let word: StaticString

  static func == (a: Self, b: Self) -> Bool { a.word.description == b.word.description }
}

/// How often something was met, with the first lines where it was.
struct LineTally: Equatable, Sendable, Codable {
  static let examplesKept = 5

  private(set) var count = 0
  /// The first few, for people to look up; the rest is only counted.
  private(set) var lines: [Int] = []

  mutating func add(line: Int) {
    count += 1
    if lines.count < Self.examplesKept { lines.append(line) }
  }
}
