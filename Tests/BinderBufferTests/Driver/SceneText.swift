/// Numbers and bytes as scenarios write them.
enum SceneText {
  static func number(_ text: Substring) -> UInt64 {
    if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16)! }
    return UInt64(text)!
  }

  static func pattern(_ i: Int) -> UInt8 { UInt8(truncatingIfNeeded: 0x81 + i * 7) }

  static func hex(_ value: some BinaryInteger) -> String {
    value == 0 ? "0" : "0x" + String(value, radix: 16)
  }

  /// Bytes as text, as a run of zeros or of the fill pattern, as hex, or as a hash.
  static func bytes(_ bytes: some Collection<UInt8>) -> String {
    let p = Array(bytes)
    let n = p.count
    var text = 0
    while text < n, p[text] >= 0x20, p[text] < 0x7f { text += 1 }
    var zeros = 0
    while text + zeros < n, p[text + zeros] == 0 { zeros += 1 }
    var fill = 0
    while fill < n, p[fill] == pattern(fill) { fill += 1 }
    if text + zeros == n, text <= 100 {
      var out = ""
      if text > 0 || n == 0 { out += "\"" + String(decoding: p[..<text], as: UTF8.self) + "\"" }
      if zeros > 0 { out += "\(text > 0 ? "+" : "")zero*\(zeros)" }
      return out
    }
    if fill == n { return "fill*\(n)" }
    func digits(_ value: UInt64, _ width: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: width - text.count) + text
    }
    if n <= 64 { return p.map { digits(UInt64($0), 2) }.joined() }
    var hash: UInt32 = 2_166_136_261
    for byte in p { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    return "bytes*\(n) fnv=\(digits(UInt64(hash), 8))"
  }

  static let flagNames: [(String, UInt32)] = [
    ("oneway", 0x01), ("root", 0x04), ("status", 0x08), ("fds", 0x10), ("clear", 0x20),
    ("update", 0x40),
  ]

  static func parseFlags(_ text: Substring) -> UInt32 {
    text.split(separator: ",").reduce(0) { flags, word in
      flags | (flagNames.first { $0.0 == word }?.1 ?? UInt32(number(word)))
    }
  }

  static func flags(_ value: UInt32) -> String {
    var left = value
    var words: [String] = []
    for (name, bit) in flagNames where left & bit != 0 {
      words.append(name)
      left &= ~bit
    }
    if left != 0 || words.isEmpty { words.append(hex(left)) }
    return " flags=" + words.joined(separator: ",")
  }
}

/// Bytes of the protocol, as a program writes and reads them.
struct WireText {
  var bytes: [UInt8] = []

  mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  mutating func set(_ value: some FixedWidthInteger, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { raw in
      for (i, byte) in raw.enumerated() { bytes[offset + i] = byte }
    }
  }

  func get<T: FixedWidthInteger>(at offset: Int, as type: T.Type = T.self) -> T {
    var value: T = 0
    for i in (0..<MemoryLayout<T>.size).reversed() {
      let byte = offset + i < bytes.count && offset + i >= 0 ? bytes[offset + i] : 0
      value = value << 8 | T(byte)
    }
    return value
  }
}
