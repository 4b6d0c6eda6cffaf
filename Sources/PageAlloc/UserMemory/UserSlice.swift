/// An address and a length in some memory: what a sender says its data is.
///
/// Making one touches no memory. `reader()` and `writer()` give cursors that do.
///
/// Addresses that somebody else chose are never trusted: whatever they are, reading them copies or
/// throws, and never crashes.
///
///     let slice = UserSlice(address: request.address, length: 24, in: .process(senderPID))
///     var reader = slice.reader()
///     let code = try reader.read(as: UInt32.self)
///     let rest = try reader.readAll()
@frozen
public struct UserSlice: Sendable, BitwiseCopyable, Equatable {
  /// The first byte.
  public let address: UInt
  /// Bytes from there on; not negative.
  public let length: Int
  /// Whose memory it is.
  public let memory: UserMemory

  /// A slice of memory that somebody else names.
  ///
  /// - Parameters:
  ///   - address: Any address.
  ///   - length: Any length. A negative one is an unsigned length above `Int.max`: it counts as
  ///     `Int.max`, which no memory has.
  ///   - memory: Whose memory it is. Trust needs more than a number: `.trusted` counts as
  ///     `.untrusted` here.
  @inlinable
  public init(address: UInt, length: Int, in memory: UserMemory) {
    self.init(address, length < 0 ? .max : length, memory == .trusted ? .untrusted : memory)
  }

  /// A slice of memory of this process that stays mapped for as long as the slice is in use.
  @unsafe @inlinable
  public init(unsafeTrusted bytes: UnsafeRawBufferPointer) {
    self.init(UInt(bitPattern: bytes.baseAddress), bytes.count, .trusted)
  }

  @inlinable
  init(_ address: UInt, _ length: Int, _ memory: UserMemory) {
    self.address = address
    self.length = length
    self.memory = memory
  }

  /// A slice without bytes.
  @inlinable
  public static var empty: UserSlice { UserSlice(address: 0, length: 0, in: .untrusted) }

  @inlinable
  public var isEmpty: Bool { length == 0 }

  /// Runs `body` with a slice of `bytes`, which is valid until `body` returns. The caller must not
  /// let it escape.
  @unsafe @inlinable
  public static func withTrusted<R: ~Copyable, E: Error>(
    _ bytes: RawSpan, _ body: (UserSlice) throws(E) -> R
  ) throws(E) -> R {
    try unsafe bytes.withUnsafeBytes { (bytes) throws(E) -> R in
      try unsafe body(UserSlice(unsafeTrusted: bytes))
    }
  }
}

extension UserSlice {
  /// A cursor at the first byte, to read.
  @inlinable
  public func reader() -> UserSliceReader { UserSliceReader(self) }

  /// A cursor at the first byte, to write.
  @inlinable
  public func writer() -> UserSliceWriter { UserSliceWriter(self) }

  /// Two cursors at the first byte, which move independently.
  @inlinable
  public func readerWriter() -> UserSliceReaderWriter {
    UserSliceReaderWriter(reader: reader(), writer: writer())
  }
}

/// The two cursors of `UserSlice.readerWriter()`.
@frozen
public struct UserSliceReaderWriter: ~Copyable, Sendable {
  public var reader: UserSliceReader
  public var writer: UserSliceWriter

  @inlinable
  init(reader: consuming UserSliceReader, writer: consuming UserSliceWriter) {
    self.reader = reader
    self.writer = writer
  }
}
