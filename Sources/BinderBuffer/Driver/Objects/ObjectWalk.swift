internal import CLinuxShims
internal import PageAlloc

/// Goes through the objects of a copied message and checks all that needs no table of the driver:
/// their places, and how scatter-gather buffers hang together.
///
/// It writes into the copy where each buffer will lie, and notes what is to be copied there and
/// which pointers in parents are to be written afterwards.
struct ObjectWalk: ~Copyable {
  /// A scatter-gather buffer: where its bytes come from, and its place in the message's buffer.
  struct Piece {
    let object: Int
    let source: UInt64
    let position: Int
    let length: Int
  }

  /// A pointer in a parent buffer.
  struct Fixup {
    let position: Int
    let address: UInt64
  }

  let layout: MessageLayout
  let view: RegionView
  /// The buffer's address in the receiver.
  let address: UInt64
  /// How much of the data the sender's memory gave.
  let readable: Int

  private(set) var goodObjects = 0
  private(set) var failure: Errno?
  private(set) var pieces: [Piece] = []
  private(set) var fixups: [Fixup] = []
  private(set) var hasFiles = false

  /// Where the object before ends.
  private var end = 0
  /// Where the next scatter-gather buffer goes.
  private var extra: Int
  /// The latest buffer object, by its place in the data; 0 means none, so that a buffer object at
  /// place 0 is never found again (recording `sg-parent-first-object`).
  private var latest = 0
  /// Where the next fix-up in `latest` may begin.
  private var latestMinimum: UInt64 = 0

  init(layout: MessageLayout, view: RegionView, address: UInt64, readable: Int) {
    self.layout = layout
    self.view = view
    self.address = address
    self.readable = readable
    extra = layout.extraStart
  }

  mutating func run() {
    do throws(Errno) {
      while goodObjects < layout.objectCount {
        try step(goodObjects)
        goodObjects += 1
      }
    } catch {
      failure = error
    }
  }

  private mutating func step(_ number: Int) throws(Errno) {
    let at = try place(view.get(at: layout.offsetsStart + 8 * number, as: UInt64.self))
    let type = view.type(at: at)
    guard let size = ObjectType.size(of: type), size <= layout.dataSize - at else {
      throw .invalidArgument
    }
    end = at + size
    switch type {
    case ObjectType.pointer: try addPointer(number, at)
    case ObjectType.fileArray: try addArray(number, at)
    case ObjectType.file: hasFiles = true
    default: break
    }
  }

  /// Where an object is: behind the one before, in what could be read.
  private func place(_ offset: UInt64) throws(Errno) -> Int {
    if offset != UInt64(end) {
      // What lies between comes first: it has to be there, and be readable.
      guard offset > UInt64(end), offset <= UInt64(layout.dataSize), offset <= UInt64(readable)
      else { throw .badAddress }
    }
    let at = Int(offset)
    let length = min(bb_ptr_size, layout.dataSize - at)
    guard at & 3 == 0, length >= bb_object_header_size, at + length <= readable else {
      throw .invalidArgument
    }
    return at
  }

  private mutating func addPointer(_ number: Int, _ at: Int) throws(Errno) {
    let length = view.get(at: at + bb_ptr_length, as: UInt64.self)
    let source = view.get(at: at + bb_ptr_buffer, as: UInt64.self)
    guard length <= UInt64(layout.contextStart - extra) else { throw .invalidArgument }
    let target = address &+ UInt64(extra)
    if view.get(at: at + bb_ptr_flags, as: UInt32.self) & WireFlag.hasParent != 0 {
      let offset = view.get(at: at + bb_ptr_parent_offset, as: UInt64.self)
      let parent = try parent(
        view.get(at: at + bb_ptr_parent, as: UInt64.self), before: number, fixup: offset, bytes: 8)
      fixups.append(Fixup(position: parent.position + Int(offset), address: target))
    }
    pieces.append(Piece(object: number, source: source, position: extra, length: Int(length)))
    view.set(target, at: at + bb_ptr_buffer)
    extra += roundedUp8(Int(length))
    latest = at
    latestMinimum = 0
  }

  private mutating func addArray(_ number: Int, _ at: Int) throws(Errno) {
    let count = view.get(at: at + bb_fda_num_fds, as: UInt64.self)
    let offset = view.get(at: at + bb_fda_parent_offset, as: UInt64.self)
    guard count < .max / 4 else { throw .invalidArgument }
    let parent = try parent(
      view.get(at: at + bb_fda_parent, as: UInt64.self), before: number, fixup: offset,
      bytes: 4 * count)
    guard (parent.source &+ offset) & 3 == 0, offset & 3 == 0 else { throw .invalidArgument }
    hasFiles = hasFiles || count > 0
    latest = view.object(parent.object, layout)
    latestMinimum = offset + 4 * count
  }

  /// The buffer that an object names as its parent, with room for `bytes` at `fixup`.
  ///
  /// - Throws: `EINVAL` when it is no earlier buffer, is neither the latest nor one of its
  ///   ancestors, is too short, or has a later fix-up already.
  private func parent(
    _ index: UInt64, before number: Int, fixup: UInt64, bytes: UInt64
  ) throws(Errno) -> Piece {
    guard index < UInt64(number), let found = piece(ofObject: Int(index)) else {
      throw .invalidArgument
    }
    guard mayFix(view.object(Int(index), layout), at: fixup) else { throw .invalidArgument }
    let length = UInt64(pieces[found].length)
    guard length >= bytes, fixup <= length - bytes else { throw .invalidArgument }
    return pieces[found]
  }

  /// Fix-ups ascend: from the latest buffer up its line of parents, each may be fixed behind where
  /// its child hangs.
  private func mayFix(_ parent: Int, at fixup: UInt64) -> Bool {
    guard latest != 0 else { return false }
    var object = latest
    var minimum = latestMinimum
    while object != parent {
      guard view.get(at: object + bb_ptr_flags, as: UInt32.self) & WireFlag.hasParent != 0 else {
        return false
      }
      minimum = view.get(at: object + bb_ptr_parent_offset, as: UInt64.self) + 8
      let above = Int(view.get(at: object + bb_ptr_parent, as: UInt64.self))
      object = view.object(above, layout)
    }
    return fixup >= minimum
  }

  /// The piece of the buffer object with a number, by its place in `pieces`; nil if it is none.
  func piece(ofObject number: Int) -> Int? {
    var low = 0
    var high = pieces.count
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].object < number { low = middle + 1 } else { high = middle }
    }
    return low < pieces.count && pieces[low].object == number ? low : nil
  }
}

extension RegionView {
  /// A value of a window, at an offset that has been checked against the message's layout.
  @inline(__always)
  func get<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type) -> T {
    word(at: offset, as: type)
  }

  /// Writes a value at an offset that has been checked against the message's layout.
  @inline(__always)
  func set<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    do throws(PageAllocError) {
      try store(value, at: offset)
    } catch {
      preconditionFailure("\(offset) lies outside the buffer: \(error)")
    }
  }

  /// Where the object with a number lies in a message that was copied to this window.
  func object(_ number: Int, _ layout: MessageLayout) -> Int {
    Int(get(at: layout.offsetsStart + 8 * number, as: UInt64.self))
  }

  func type(at object: Int) -> UInt32 { get(at: object + bb_object_type, as: UInt32.self) }
}
