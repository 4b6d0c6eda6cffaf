internal import CLinuxShims
internal import PageAlloc

/// A message as its sender lays it out, with what must come of it.
struct DriverMessage {
  var code: UInt32 = 0
  var flags: UInt32 = 0
  var data: [UInt8] = []
  var objects: [Object] = []
  /// Room for scatter-gather buffers, as announced.
  var extra = 0
  /// Bytes of the offsets beyond whole ones.
  var oddOffsetBytes = 0
  /// Announced in place of the data's length.
  var claimedSize: UInt64?
  var isDataReadable = true
  var areOffsetsReadable = true
  /// Descriptors of the sender that are open.
  var openDescriptors: Set<Int32> = []
  /// The number of the first file that is taken.
  var firstToken: Int32 = 0

  struct Object {
    /// Where it lies in the data, as the offsets have it.
    var at: UInt64
    var kind: Kind
    /// Why it is none, as far as the place and the type can tell.
    var fault: Errno?
  }

  enum Kind {
    case binder(pointer: UInt64, cookie: UInt64, strong: Bool, flags: UInt32)
    case handle(UInt32, strong: Bool)
    case file(Int32)
    case buffer(bytes: [UInt8], isReadable: Bool, parent: Place?)
    /// Descriptors in a parent.
    case files(count: Int, parent: Place)
    /// No object at all.
    case unknown
  }

  /// A place in the buffer of another object.
  struct Place {
    var object: Int
    var offset: UInt64
  }

  var isOneway: Bool { flags & bb_tf_one_way.rawValue != 0 }
  var acceptsFiles: Bool { flags & bb_tf_accept_fds.rawValue != 0 }
  var offsetsSize: Int { 8 * objects.count + oddOffsetBytes }

  /// What it takes in a region; nil when that is no number.
  func size(label: Int) -> Int? {
    func rounded(_ size: Int) -> Int { (size + 7) / 8 * 8 }
    let length: Int
    if let claimedSize {
      guard claimedSize <= 1 << 62 else { return nil }
      length = Int(claimedSize)
    } else {
      length = data.count
    }
    return rounded(length) + rounded(offsetsSize) + rounded(extra) + rounded(label)
  }

  // MARK: what must come of it

  struct Verdict {
    /// Objects before the first that is wrong.
    var goodObjects = 0
    var failure: Errno?
    /// Files that were taken, in order.
    var tokens: [Int32] = []

    /// Nobody looked at it.
    static var unread: Verdict { Verdict(failure: .badAddress) }
  }

  func verdict(_ receiverAcceptsFiles: Bool) -> Verdict {
    guard areOffsetsReadable || offsetsSize == 0 else { return .unread }
    guard oddOffsetBytes == 0, extra % 8 == 0 else { return Verdict(failure: .invalidArgument) }
    guard isDataReadable || data.isEmpty else { return .unread }
    var verdict = Verdict()
    for (i, object) in objects.enumerated() {
      if let fault = object.fault ?? fault(of: i) {
        verdict.failure = fault
        break
      }
      verdict.goodObjects += 1
    }
    takeFiles(&verdict, receiverAcceptsFiles)
    if verdict.failure == nil {
      for case .buffer(let bytes, isReadable: false, _) in objects.map(\.kind)
      where !bytes.isEmpty { verdict.failure = .invalidArgument }
    }
    return verdict
  }

  /// Files are taken in the order of the objects; one that cannot be had comes before what is wrong
  /// with later objects.
  private func takeFiles(_ verdict: inout Verdict, _ accepts: Bool) {
    for i in 0..<verdict.goodObjects {
      for descriptor in descriptors(of: i) ?? [-2] {
        let errno: Errno? =
          descriptor == -2
          ? .invalidArgument
          : !accepts
            ? .notPermitted : openDescriptors.contains(descriptor) ? nil : .badFileDescriptor
        if let errno {
          verdict.goodObjects = i
          verdict.failure = errno
          return
        }
        verdict.tokens.append(firstToken + Int32(verdict.tokens.count))
      }
    }
  }

  /// The descriptors that an object names; nil when they, or buffers before theirs, cannot be read.
  private func descriptors(of number: Int) -> [Int32]? {
    switch objects[number].kind {
    case .file(let descriptor): return [descriptor]
    case .files(let count, let parent):
      guard count > 0 else { return [] }
      for case .buffer(let bytes, isReadable: false, _) in objects[...parent.object].map(\.kind)
      where !bytes.isEmpty { return nil }
      guard case .buffer(let bytes, _, _) = objects[parent.object].kind else { return [] }
      return (0..<count).map { i in
        let at = Int(parent.offset) + 4 * i
        return Int32(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * $1) })
      }
    default: return []
    }
  }

  private func fault(of number: Int) -> Errno? {
    switch objects[number].kind {
    case .unknown: return .invalidArgument
    case .binder, .handle, .file: return nil
    case .buffer(let bytes, _, let parent):
      let start = extraUsed(before: number)
      guard bytes.count <= extra - start else { return .invalidArgument }
      if let parent, !mayFix(parent, by: number, length: 8) { return .invalidArgument }
      return nil
    case .files(let count, let parent):
      guard mayFix(parent, by: number, length: 4 * count), parent.offset % 4 == 0 else {
        return .invalidArgument
      }
      return nil
    }
  }

  private func extraUsed(before number: Int) -> Int {
    objects[..<number].reduce(0) {
      if case .buffer(let bytes, _, _) = $1.kind { $0 + (bytes.count + 7) / 8 * 8 } else { $0 }
    }
  }

  /// Whether an object may write into the buffer that it names as its parent: an earlier one, the
  /// latest or one that the latest hangs on, behind everything that was written there before.
  private func mayFix(_ place: Place, by number: Int, length: Int) -> Bool {
    guard place.object < number, case .buffer(let bytes, _, _) = objects[place.object].kind,
      bytes.count >= length, place.offset <= UInt64(bytes.count - length)
    else { return false }
    // The latest buffer, and where the next may write there.
    var latest: Int?
    var minimum: UInt64 = 0
    for (i, object) in objects[..<number].enumerated() {
      switch object.kind {
      case .buffer: (latest, minimum) = (i, 0)
      case .files(let count, let parent):
        (latest, minimum) = (parent.object, parent.offset + UInt64(4 * count))
      default: break
      }
    }
    // The driver takes place 0 of the data for "none".
    guard var current = latest, objects[current].at != 0 else { return false }
    while current != place.object {
      guard case .buffer(_, _, let above?) = objects[current].kind else { return false }
      minimum = above.offset + 8
      current = above.object
    }
    return place.offset >= minimum
  }

  // MARK: what the receiver must see

  /// The bytes of the buffer from its start, nil where nothing is promised.
  ///
  /// - Parameter descriptors: the receiver's numbers for the files, in order.
  func image(
    at address: UInt64, held: [DriverModel.Held], descriptors: [Int32]
  ) -> [UInt8?] {
    let offsetsStart = (data.count + 7) / 8 * 8
    let extraStart = offsetsStart + 8 * objects.count
    var image = data.map { UInt8?($0) }
    image += [UInt8?](repeating: nil, count: offsetsStart - data.count)
    for object in objects { image += bytes(object.at, 8) }
    image += [UInt8?](repeating: nil, count: extra)
    func put(_ value: UInt64, _ count: Int, at offset: Int) {
      image.replaceSubrange(offset..<offset + count, with: bytes(value, count))
    }
    var files = descriptors[...]
    for (i, object) in objects.enumerated() {
      let at = Int(object.at)
      switch (object.kind, held[i]) {
      case (_, .handle(let handle, let strong)):
        put(UInt64((strong ? bb_type_handle : bb_type_weak_handle).rawValue), 4, at: at)
        put(UInt64(handle), 8, at: at + bb_flat_binder)
        put(0, 8, at: at + bb_flat_cookie)
      case (_, .own(let node, let strong)):
        put(UInt64((strong ? bb_type_binder : bb_type_weak_binder).rawValue), 4, at: at)
        put(node.pointer, 8, at: at + bb_flat_binder)
        put(node.cookie, 8, at: at + bb_flat_cookie)
      case (.file, _):
        // The number lies in the first half of the padding.
        put(0, 8, at: at + bb_fd_pad)
        put(UInt64(UInt32(bitPattern: files.popFirst() ?? -1)), 4, at: at + bb_fd_fd)
      case (.buffer(let bytes, _, let parent), _):
        let start = extraStart + extraUsed(before: i)
        image.replaceSubrange(start..<start + bytes.count, with: bytes.map { UInt8?($0) })
        put(address + UInt64(start), 8, at: at + bb_ptr_buffer)
        if let parent {
          let place = extraStart + extraUsed(before: parent.object) + Int(parent.offset)
          put(address + UInt64(start), 8, at: place)
        }
      case (.files(let count, let parent), _):
        let place = extraStart + extraUsed(before: parent.object) + Int(parent.offset)
        for k in 0..<count {
          put(UInt64(UInt32(bitPattern: files.popFirst() ?? -1)), 4, at: place + 4 * k)
        }
      default: break
      }
    }
    return image
  }

  /// The descriptors that go with the buffer, of all that came with it.
  func arrayDescriptors(_ descriptors: [Int32]) -> [Int32] {
    var files = descriptors[...]
    var found: [Int32] = []
    for object in objects {
      switch object.kind {
      case .file: files = files.dropFirst()
      case .files(let count, _):
        found += files.prefix(count)
        files = files.dropFirst(count)
      default: break
      }
    }
    return found
  }

  private func bytes(_ value: UInt64, _ count: Int) -> [UInt8?] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }
}
