import BinderBuffer
import Glibc

/// One line of a recording of a real driver that concerns ranges.
enum RecordedStep {
  /// A buffer of `size` bytes was asked for; `size` already holds all parts.
  case alloc(id: Int, sender: Int32, size: Int, isOneway: Bool, answer: RecordedAnswer)
  case free(id: Int)
  case freeNothing(id: Int)
  case stat(freeOneway: Int, buffers: Int)
}

/// What the driver said to an allocation.
enum RecordedAnswer: Equatable {
  case placed(offset: Int, isSpam: Bool)
  case noSpace
  case invalid
}

/// A recording of a real driver, as far as ranges are concerned.
struct RangeRecording {
  struct Malformed: Error {
    let line: Int
    let text: String
  }

  var driver = ""
  var length = 0
  var steps: [(line: Int, step: RecordedStep)] = []

  init(path: String) throws {
    let text = try Self.read(path)
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      let words = line.split(separator: " ").map(String.init)
      guard let verb = words.first, !verb.hasPrefix("#") else { continue }
      guard let step = parse(verb, words) else { throw Malformed(line: number, text: String(line)) }
      if let step { steps.append((number, step)) }
    }
  }

  /// The step, `.some(nil)` for a line that says nothing about ranges, nil when malformed.
  private mutating func parse(_ verb: String, _ words: [String]) -> RecordedStep?? {
    switch verb {
    case "driver":
      driver = words.dropFirst().joined(separator: " ")
      return .some(nil)
    case "region":
      guard let bytes = Int(words[1]) else { return nil }
      length = min(bytes, 4 << 20)
      return .some(nil)
    case "senders", "reclaim", "pages": return .some(nil)
    case "free":
      guard let id = Int(words[1]) else { return nil }
      return words.count > 2 ? .freeNothing(id: id) : .free(id: id)
    case "stat":
      guard let free = Self.field("async_free", words), let buffers = Self.field("buffers", words)
      else { return nil }
      return .stat(freeOneway: free, buffers: buffers)
    case "alloc":
      guard let id = Int(words[1]), let sender = Self.field("from", words),
        let data = Self.field("data", words), let offsets = Self.field("offsets", words),
        let extra = Self.field("extra", words), let oneway = Self.field("async", words),
        let arrow = words.firstIndex(of: "->")
      else { return nil }
      let answer: RecordedAnswer
      switch words[arrow + 1] {
      case "ENOSPC": answer = .noSpace
      case "EINVAL": answer = .invalid
      default:
        guard let offset = Int(words[arrow + 1]) else { return nil }
        answer = .placed(offset: offset, isSpam: words.last == "spam")
      }
      let size = [data, offsets, extra].reduce(0) { $0 + ($1 + 7) / 8 * 8 }
      return .alloc(
        id: id, sender: Int32(sender), size: size, isOneway: oneway == 1, answer: answer)
    default: return nil
    }
  }

  private static func field(_ name: String, _ words: [String]) -> Int? {
    words.first { $0.hasPrefix(name + "=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
  }

  private static func read(_ path: String) throws -> String {
    guard let file = unsafe fopen(path, "r") else { throw Malformed(line: 0, text: path) }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while true {
      let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
        unsafe count = fread(buffer.baseAddress, 1, buffer.count, file)
      }
      if chunk.isEmpty { break }
      bytes += chunk
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension RangeRecording {
  var policy: PlacementPolicy? {
    let words = driver.split(separator: " ").map(String.init)
    guard words.count == 2, let driver = BinderDriver(rawValue: words[0]) else { return nil }
    return try? KernelRelease(words[1]).policy(of: driver).policy
  }
}
