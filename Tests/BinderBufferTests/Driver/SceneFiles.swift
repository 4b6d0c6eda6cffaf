import BinderBuffer
import PageAlloc

/// Open files of a scenario's processes: what a descriptor leads to is told by the text it holds.
final class SceneFiles {
  private(set) var text: [Int32: String] = [:]
  private var holders: [Int32: Int] = [:]
  private var next: Int32 = 0

  /// A new file with one holder.
  func make(_ name: String) -> Int32 {
    next += 1
    text[next] = name
    holders[next] = 1
    return next
  }

  func hold(_ file: Int32) { holders[file, default: 0] += 1 }

  func release(_ file: Int32) {
    holders[file, default: 0] -= 1
    precondition(holders[file]! >= 0, "file \(file) was closed once too often")
    if holders[file] == 0 {
      holders[file] = nil
      text[file] = nil
    }
  }

  /// Files that somebody still holds.
  var openCount: Int { holders.count }
}

/// One descriptor of a process.
struct SceneDescriptor {
  let file: Int32
  let isCloseOnExec: Bool
}

/// The memory of one process, as far as a scenario writes it: blocks at addresses of their own.
struct SceneMemory {
  private var blocks: [(start: UInt64, bytes: [UInt8])] = []
  private var next: UInt64 = 0x10_0000

  /// Puts bytes somewhere, with a little room behind them.
  mutating func keep(_ bytes: [UInt8]) -> UInt64 {
    let start = next
    blocks.append((start, bytes + [UInt8](repeating: 0, count: 256)))
    next += (UInt64(bytes.count) + 256 + 4095) & ~4095
    return start
  }

  mutating func forgetAll() { blocks.removeAll() }

  func byte(at address: UInt64) -> UInt8? {
    guard let block = blocks.last(where: { $0.start <= address }) else { return nil }
    let i = Int(address - block.start)
    return i < block.bytes.count ? block.bytes[i] : nil
  }

  /// The block and place of an address.
  func bytes(at address: UInt64, count: Int) -> ArraySlice<UInt8> {
    guard let block = blocks.last(where: { $0.start <= address }) else { return [] }
    let start = Int(clamping: address - block.start)
    guard start < block.bytes.count else { return [] }
    return block.bytes[start..<min(block.bytes.count, start + count)]
  }
}

/// What the driver sees of a sending process of a scenario.
struct SceneSender: SenderMemory {
  let memory: SceneMemory
  let descriptors: [Int32: SceneDescriptor]
  let files: SceneFiles
  let user: UInt32

  mutating func copy(_ pieces: UnsafeBufferPointer<CopyPiece>) -> Int {
    var copied = 0
    for piece in pieces {
      let bytes = memory.bytes(at: piece.address, count: piece.target.count)
      for (i, byte) in bytes.enumerated() { piece.target[i] = byte }
      copied += bytes.count
      if bytes.count < piece.target.count { break }
    }
    return copied
  }

  mutating func takeFile(_ descriptor: Int32) throws(Errno) -> FileToken {
    guard let found = descriptors[descriptor] else { throw .badFileDescriptor }
    files.hold(found.file)
    return FileToken(rawValue: found.file)
  }

  mutating func effectiveUser() -> UInt32 { user }
}
