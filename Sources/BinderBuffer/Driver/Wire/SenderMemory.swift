public import PageAlloc

/// One piece of a copy: from an address of a program into memory of ours.
@unsafe public struct CopyPiece: BitwiseCopyable {
  /// Where the bytes lie in the program.
  public var address: UInt64
  /// Where they go; as long as this.
  public var target: UnsafeMutableRawBufferPointer

  /// A piece as long as `target`.
  public init(address: UInt64, target: UnsafeMutableRawBufferPointer) {
    unsafe self.address = address
    unsafe self.target = unsafe target
  }
}

/// A file that is on its way from one process to another, as the driver's caller names it.
///
/// The driver only passes it on. Each that `SenderMemory.takeFile` gave comes back exactly once: in
/// the result of the read that delivers it, or in ``Driver/Effects/closedFiles``.
public struct FileToken: Hashable, Sendable, BitwiseCopyable, RawRepresentable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// What the driver needs of a sending program, outside every lock.
///
/// In a simulation a few arrays; under a host the program's memory and descriptors.
public protocol SenderMemory {
  /// Copies the pieces in order, each byte once.
  ///
  /// - Returns: how many bytes of all pieces together were copied; fewer than asked at the first
  ///   address that cannot be read.
  mutating func copy(_ pieces: UnsafeBufferPointer<CopyPiece>) -> Int

  /// Takes a reference to the file behind a descriptor of the program.
  ///
  /// - Throws: `EBADF` when it is not open; other errors go to the sender as they are.
  mutating func takeFile(_ descriptor: Int32) throws(Errno) -> FileToken

  /// The effective user of the process that opened the device, at this moment.
  mutating func effectiveUser() -> UInt32
}
