internal import CLinuxShims
internal import PageAlloc

/// A transaction between its two steps in the driver: a buffer is reserved in the receiver's
/// region, and the sender's bytes are to be copied there.
///
/// `fill` does that, outside every lock and on any thread; then `Driver.finish(_:)` takes it back,
/// always, whatever `fill` met: what went wrong is recorded here and answered there. Nobody else
/// touches the buffer meanwhile. Every byte of the sender is read once, and what was read is judged
/// in the copy.
public struct PendingTransaction: ~Copyable, @unchecked Sendable {
  let command: TransactionCommand
  let sender: DriverThreadID
  // INVARIANT: counts as one fill of `receiver`, which keeps its region, and so `view`, alive.
  let receiver: Driver.ProcessIndex
  /// The node that it goes to, strongly held and pinned; none in a reply.
  let target: Driver.NodeIndex
  /// The call that it answers.
  let inReplyTo: Driver.TransactionIndex
  let id: UInt32
  /// Where the buffer begins in the region.
  let offset: Int
  /// What it takes there.
  let size: Int
  let layout: MessageLayout
  let view: RegionView
  /// The buffer's address in the receiving program.
  let address: UInt64
  let acceptsFiles: Bool
  let isSpam: Bool
  let senderPID: Int32

  var user: UInt32 = 0
  /// Objects that are in order so far: those before the one that failed.
  var goodObjects = 0
  /// Why the object after those, or the message as a whole, failed.
  var failure: Errno? = .badAddress
  var files: [Driver.FileFixup] = []

  /// Bytes that were copied from the sender.
  public private(set) var bytesCopied = 0
  /// Calls of `SenderMemory.copy`.
  public private(set) var copies = 0

  init(
    command: TransactionCommand, sender: DriverThreadID, receiver: Driver.ProcessIndex,
    target: Driver.NodeIndex, inReplyTo: Driver.TransactionIndex, id: UInt32,
    reservation: Reservation, layout: MessageLayout, view: RegionView, address: UInt64,
    acceptsFiles: Bool, senderPID: Int32
  ) {
    self.command = command
    self.sender = sender
    self.receiver = receiver
    self.target = target
    self.inReplyTo = inReplyTo
    self.id = id
    self.layout = layout
    self.view = view
    self.address = address
    self.acceptsFiles = acceptsFiles
    self.senderPID = senderPID
    offset = reservation.offset
    size = reservation.size
    isSpam = reservation.isSpam
  }

  /// Copies the message, its scatter-gather buffers and its files out of the sender.
  ///
  /// - Complexity: one call of `SenderMemory.copy` for the message, one for all its buffers.
  public mutating func fill(from memory: inout some SenderMemory) {
    user = memory.effectiveUser()
    failure = nil
    guard let readable = copyMessage(from: &memory) else {
      failure = .badAddress
      return
    }
    guard layout.offsetsSize & 7 == 0, layout.extraSize & 7 == 0 else {
      failure = .invalidArgument
      return
    }
    guard layout.objectCount > 0 else {
      if readable < layout.dataSize { failure = .badAddress }
      return
    }
    var walk = ObjectWalk(layout: layout, view: view, address: address, readable: readable)
    walk.run()
    goodObjects = walk.goodObjects
    failure = walk.failure
    let gathered = gather(walk.pieces, from: &memory)
    takeFiles(walk, gathered: gathered, from: &memory)
    for fixup in walk.fixups { view.set(fixup.address, at: fixup.position) }
    if failure == nil, goodObjects == layout.objectCount {
      if readable < layout.dataSize {
        failure = .badAddress
      } else if gathered < walk.pieces.count {
        // A buffer that cannot be read is found out last.
        failure = .invalidArgument
      }
    }
  }

  /// Copies offsets and data.
  ///
  /// - Returns: how many bytes of the data could be read; nil when the offsets could not.
  private mutating func copyMessage(from memory: inout some SenderMemory) -> Int? {
    let offsets = unsafe CopyPiece(
      address: command.offsets,
      target: view.bytes(at: layout.offsetsStart, length: layout.offsetsSize))
    let data = unsafe CopyPiece(
      address: command.data, target: view.bytes(at: 0, length: layout.dataSize))
    if layout.offsetsSize + layout.dataSize == 0 { return 0 }
    copies += 1
    let copied: Int
    if layout.offsetsSize == 0 {
      copied = unsafe withUnsafePointer(to: data) {
        unsafe memory.copy(UnsafeBufferPointer(start: $0, count: 1))
      }
    } else if layout.dataSize == 0 {
      copied = unsafe withUnsafePointer(to: offsets) {
        unsafe memory.copy(UnsafeBufferPointer(start: $0, count: 1))
      }
    } else {
      let both = unsafe (offsets, data)
      copied = unsafe withUnsafePointer(to: both) {
        unsafe memory.copy(
          UnsafeBufferPointer(
            start: UnsafeRawPointer($0).assumingMemoryBound(to: CopyPiece.self), count: 2))
      }
    }
    bytesCopied += copied
    guard copied >= layout.offsetsSize else { return nil }
    return min(copied - layout.offsetsSize, layout.dataSize)
  }

  /// Copies the scatter-gather buffers to their places.
  ///
  /// - Returns: how many of the pieces could be read, in order.
  private mutating func gather(
    _ pieces: [ObjectWalk.Piece], from memory: inout some SenderMemory
  ) -> Int {
    guard !pieces.isEmpty else { return 0 }
    var copyPieces = unsafe [CopyPiece]()
    unsafe copyPieces.reserveCapacity(pieces.count)
    for piece in pieces where piece.length > 0 {
      unsafe copyPieces.append(
        CopyPiece(
          address: piece.source, target: view.bytes(at: piece.position, length: piece.length)))
    }
    var copied = 0
    if unsafe !copyPieces.isEmpty {
      copies += 1
      copied = unsafe copyPieces.withUnsafeBufferPointer { unsafe memory.copy($0) }
      bytesCopied += copied
    }
    for (i, piece) in pieces.enumerated() {
      guard copied >= piece.length else { return i }
      copied -= piece.length
    }
    return pieces.count
  }

  /// Takes the files that objects name, in the order of the objects; the first that cannot be had
  /// comes before any failure of a later object.
  private mutating func takeFiles(
    _ walk: borrowing ObjectWalk, gathered: Int, from memory: inout some SenderMemory
  ) {
    guard walk.hasFiles else { return }
    for i in 0..<goodObjects {
      let at = view.object(i, layout)
      do throws(Errno) {
        switch view.type(at: at) {
        case ObjectType.file:
          try takeFile(
            view.get(at: at + bb_fd_fd, as: Int32.self), to: at + bb_fd_fd, from: &memory)
          view.set(UInt64(0), at: at + bb_fd_pad)
        case ObjectType.fileArray: try takeArray(at, walk, gathered, from: &memory)
        default: break
        }
      } catch {
        goodObjects = i
        failure = error
        return
      }
    }
  }

  private mutating func takeArray(
    _ at: Int, _ walk: borrowing ObjectWalk, _ gathered: Int, from memory: inout some SenderMemory
  ) throws(Errno) {
    let count = Int(view.get(at: at + bb_fda_num_fds, as: UInt64.self))
    let parent = Int(view.get(at: at + bb_fda_parent, as: UInt64.self))
    let start = Int(view.get(at: at + bb_fda_parent_offset, as: UInt64.self))
    let piece = walk.piece(ofObject: parent)!
    guard count == 0 || piece < gathered else { throw .invalidArgument }
    for i in 0..<count {
      let position = walk.pieces[piece].position + start + 4 * i
      try takeFile(view.get(at: position, as: Int32.self), to: position, from: &memory)
    }
  }

  private mutating func takeFile(
    _ descriptor: Int32, to position: Int, from memory: inout some SenderMemory
  ) throws(Errno) {
    guard acceptsFiles else { throw .notPermitted }
    files.append(
      Driver.FileFixup(token: try memory.takeFile(descriptor), position: position))
  }
}
