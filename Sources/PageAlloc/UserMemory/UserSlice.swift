/// Whose memory a `UserSlice` lies in.
@frozen
public enum UserMemory: Sendable {
  /// Memory of this process that is known to be mapped. A plain copy.
  case trusted
  /// Addresses of this process that somebody else chose. The kernel copies and checks them.
  case untrusted
  /// Memory of another process.
  case process(UserProcess)
}

extension UserMemory: Equatable {
  /// Memory of a process equals only that of the same `UserProcess`.
  @inlinable
  public static func == (a: UserMemory, b: UserMemory) -> Bool {
    switch (a, b) {
    case (.trusted, .trusted), (.untrusted, .untrusted): true
    case (.process(let a), .process(let b)): a === b
    default: false
    }
  }
}

/// An address and a length in some memory: what a sender says its data is.
///
/// Making one touches no memory; `reader()` gives a cursor that does. Whatever the address,
/// reading memory of another process, or untrusted memory of this one, copies or throws; it never
/// crashes.
///
/// Only another process's memory can be named safely: whoever owns it cannot be hurt by a copy. To
/// read this process's own memory by an address is an explicit choice, which needs `unsafe`.
///
///     let slice = UserSlice(address: request.address, length: 24, in: sender)
///     var reader = slice.reader()
///     let code = try reader.read(as: UInt32.self)
///     let rest = try reader.readAll()
@frozen
public struct UserSlice: Sendable, Equatable {
  /// The first byte.
  public let address: UInt
  /// Bytes from there on; not negative.
  public let length: Int
  /// Whose memory it is.
  public let memory: UserMemory

  /// A slice of another process's memory.
  ///
  /// - Parameters:
  ///   - address: Any address.
  ///   - length: Any length. A negative one is an unsigned length above `Int.max`: it counts as
  ///     `Int.max`, which no memory has.
  ///   - process: The process that owns the memory.
  @inlinable
  public init(address: UInt, length: Int, in process: UserProcess) {
    self.init(address, length < 0 ? .max : length, .process(process))
  }

  /// A slice of memory that somebody else names, in this process or another.
  ///
  /// Unsafe because in this process it may be any memory, whoever owns it.
  ///
  /// - Parameters:
  ///   - address: Any address.
  ///   - length: Any length, as above.
  ///   - memory: Whose memory it is. Trust needs more than a number: `.trusted` counts as
  ///     `.untrusted` here.
  @unsafe @inlinable
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
  public static var empty: UserSlice { UserSlice(0, 0, .untrusted) }

  /// Whether it has no bytes.
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

  /// A cursor at the first byte.
  @inlinable
  public func reader() -> UserSliceReader { UserSliceReader(self) }
}
