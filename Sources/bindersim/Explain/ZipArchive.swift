internal import Glibc

/// The entries of a zip file, stored or deflated, each read as a stream. Nothing is unpacked to disk.
///
/// No sizes of the file are believed before they were compared with its length. Not read: archives
/// of more than 4 GiB, encrypted ones, and other methods than these two; an entry that is not
/// readable says so.
final class ZipArchive {
  struct Entry: Sendable {
    let name: String
    /// As the archive says.
    let size: Int
    fileprivate let packedSize: Int
    fileprivate let headerOffset: Int
    fileprivate let method: Int
    fileprivate let isEncrypted: Bool
  }

  private static let mostEntries = 1 << 16
  private static let endSize = 22
  private static let directoryLimit = 64 << 20

  let path: String
  private(set) var entries: [Entry] = []
  private let bytes: RandomAccessBytes

  /// - Throws: where the file cannot be read or is no whole zip archive.
  init(_ bytes: RandomAccessBytes, path: String) throws(InputError) {
    self.path = path
    self.bytes = bytes
    let tail = min(bytes.count, 65_535 + Self.endSize)
    let end = try bytes.read(at: bytes.count - tail, count: tail)
    guard
      let place = (0...max(0, end.count - Self.endSize)).reversed().first(where: {
        end.word(at: $0) == 0x0605_4B50
      }),
      let size = end.word(at: place + 12), let offset = end.word(at: place + 16)
    else { throw damaged("it has no directory at its end; it may have been cut short") }
    guard offset != .max, size <= Self.directoryLimit, offset + size <= bytes.count else {
      throw damaged("its directory lies beyond its end")
    }
    try readDirectory(try bytes.read(at: offset, count: size))
  }

  private func damaged(_ what: String) -> InputError {
    InputError(path: path, reason: "a zip archive that cannot be read: \(what)")
  }

  private func readDirectory(_ directory: [UInt8]) throws(InputError) {
    var at = 0
    while directory.word(at: at) == 0x0201_4B50, entries.count < Self.mostEntries {
      guard let flags = directory.short(at: at + 8), let method = directory.short(at: at + 10),
        let packed = directory.word(at: at + 20), let size = directory.word(at: at + 24),
        let nameCount = directory.short(at: at + 28), let extra = directory.short(at: at + 30),
        let comment = directory.short(at: at + 32), let offset = directory.word(at: at + 42),
        at + 46 + nameCount <= directory.count
      else { throw damaged("its directory is cut short") }
      let name = ByteScanner.text(directory[at + 46..<at + 46 + nameCount])
      entries.append(
        Entry(
          name: name, size: size, packedSize: packed, headerOffset: offset, method: method,
          isEncrypted: flags & 1 == 1))
      at += 46 + nameCount + extra + comment
    }
  }

  /// The entry's bytes, unpacked while they are read.
  func source(of entry: Entry) throws(InputError) -> any ByteSource {
    let name = "\(path)/\(entry.name)"
    guard !entry.isEncrypted else {
      throw InputError(path: name, reason: "it is encrypted; unpack the archive first")
    }
    let header = try bytes.read(at: entry.headerOffset, count: 30)
    guard header.word(at: 0) == 0x0403_4B50, let nameCount = header.short(at: 26),
      let extra = header.short(at: 28)
    else { throw InputError(path: name, reason: "the archive is damaged here") }
    let start = entry.headerOffset + 30 + nameCount + extra
    guard start + entry.packedSize <= bytes.count else {
      throw InputError(path: name, reason: "the archive ends before it")
    }
    let stored = ZipSource(bytes, start..<start + entry.packedSize)
    switch entry.method {
    case 0: return stored
    case 8: return try UnpackedSource(stored, .deflate, path: name)
    default:
      throw InputError(
        path: name, reason: "it is packed by method \(entry.method); unpack the archive first")
    }
  }
}

/// A file or memory whose bytes can be read from any place.
@safe
final class RandomAccessBytes {
  let count: Int
  private let descriptor: CInt
  private let memory: [UInt8]
  private let path: String

  /// - Throws: where the file cannot be opened, or is no regular file.
  init(path: String) throws(InputError) {
    self.path = path
    memory = []
    // SAFETY: the string is passed as a C string that lives through the call.
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw InputError(path: path, action: "open") }
    var status = stat()
    // SAFETY: `status` is a whole stat structure that lives through the call.
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw InputError(
        path: path, reason: "a zip archive must be a file: its directory is at its end")
    }
    count = Int(status.st_size)
  }

  init(bytes: [UInt8]) {
    path = "bytes"
    memory = bytes
    descriptor = -1
    count = bytes.count
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Fewer than `wanted` only at the end.
  func read(at place: Int, count wanted: Int) throws(InputError) -> [UInt8] {
    guard place >= 0, wanted > 0, place < count else { return [] }
    let wanted = min(wanted, count - place)
    guard descriptor >= 0 else { return Array(memory[place..<place + wanted]) }
    var failed = false
    var bytes = [UInt8](repeating: 0, count: wanted)
    var filled = 0
    while filled < wanted {
      let got = unsafe bytes.withUnsafeMutableBytes { buffer in
        // SAFETY: the kernel writes at most wanted - filled bytes behind those that are there.
        unsafe pread(
          descriptor, buffer.baseAddress! + filled, wanted - filled, off_t(place + filled))
      }
      if got < 0, errno == EINTR { continue }
      failed = got < 0
      guard got > 0 else { break }
      filled += got
    }
    if failed { throw InputError(path: path, action: "read") }
    bytes.removeLast(wanted - filled)
    return bytes
  }
}

/// A part of an archive, as it is stored.
private final class ZipSource: ByteSource {
  private let bytes: RandomAccessBytes
  private let range: Range<Int>
  private(set) var storedByteCount = 0

  init(_ bytes: RandomAccessBytes, _ range: Range<Int>) {
    self.bytes = bytes
    self.range = range
  }

  var canRewind: Bool { true }

  func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    let wanted = min(target.count, range.count - storedByteCount, 1 << 16)
    let chunk = try bytes.read(at: range.lowerBound + storedByteCount, count: wanted)
    // SAFETY: the chunk is no longer than the target.
    unsafe target.copyBytes(from: chunk)
    storedByteCount += chunk.count
    return chunk.count
  }

  func rewind() { storedByteCount = 0 }
}

extension [UInt8] {
  /// 16 bits, low byte first; nil beyond the end.
  fileprivate func short(at place: Int) -> Int? {
    guard place >= 0, place + 2 <= count else { return nil }
    return Int(self[place]) | Int(self[place + 1]) << 8
  }

  /// 32 bits, low byte first.
  fileprivate func word(at place: Int) -> Int? {
    guard let low = short(at: place), let high = short(at: place + 2) else { return nil }
    return low | high << 16
  }
}
