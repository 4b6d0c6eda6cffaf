import CTestPeer
import Glibc
import PageAlloc
import Testing

@testable import BinderBuffer

/// The objects that an offsets array names: validated in the copy, extra buffers gathered.
@Suite struct ObjectTests {
  enum Kind: UInt32, CaseIterable {
    case binder = 0x7362_2a85
    case weakBinder = 0x7762_2a85
    case handle = 0x7368_2a85
    case weakHandle = 0x7768_2a85
    case descriptor = 0x6664_2a85
    case pointer = 0x7074_2a85
    case descriptorArray = 0x6664_6185

    var size: Int {
      switch self {
      case .pointer: 40
      case .descriptorArray: 32
      default: 24
      }
    }
  }

  /// `size` bytes of 0xEE with type words and, for `ptr` objects, a source, at the given places.
  static func message(
    _ size: Int, _ objects: [(place: Int, type: UInt32)],
    sources: [Int: (address: UInt64, length: UInt64)] = [:]
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: size)
    bytes.withUnsafeMutableBytes { bytes in
      for object in objects where object.place + 4 <= size {
        bytes.storeBytes(of: object.type, toByteOffset: object.place, as: UInt32.self)
        if object.type == Kind.pointer.rawValue, object.place + 40 <= size {
          let source = sources[object.place] ?? (0, 0)
          bytes.storeBytes(of: source.address, toByteOffset: object.place + 8, as: UInt64.self)
          bytes.storeBytes(of: source.length, toByteOffset: object.place + 16, as: UInt64.self)
        }
      }
    }
    return bytes
  }

  @Test(arguments: Kind.allCases)
  func anObjectMayEndWithTheData(kind: Kind) throws {
    let world = try World()
    for place in [0, 4, 12] {
      let data = Self.message(place + kind.size, [(place, kind.rawValue)])
      try world.send(data, offsets: [UInt64(place)])
      let delivery = try world.server.take()
      #expect(delivery.offsets == [UInt64(place)])
      if kind != .pointer { #expect(delivery.data == data) }
      delivery.free()

      // One byte less is too few.
      let error = failure { try world.send(data.dropLast(), offsets: [UInt64(place)]) }
      #expect(
        error
          == .invalidArgument(
            .object(index: 0, offset: UInt64(place), dataSize: data.count - 1)))
    }
    try world.expectNothingHeld()
  }

  struct BadObjects: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var size = 96
    var objects: [(place: Int, type: UInt32)] = [(0, Kind.handle.rawValue)]
    let offsets: [UInt64]
    var badIndex = 0
  }

  static let badObjects: [BadObjects] = [
    .init(testDescription: "no object there", offsets: [24]),
    .init(testDescription: "unknown type", objects: [(0, 0x1234_5678)], offsets: [0]),
    .init(testDescription: "type zero", objects: [(0, 0)], offsets: [0]),
    .init(testDescription: "unaligned", objects: [(2, Kind.handle.rawValue)], offsets: [2]),
    .init(testDescription: "at the end of the data", offsets: [96]),
    .init(testDescription: "4 bytes before it", offsets: [92]),
    .init(testDescription: "behind the data", offsets: [4096]),
    .init(testDescription: "far away", offsets: [.max]),
    .init(testDescription: "negative", offsets: [UInt64(bitPattern: -8)]),
    .init(testDescription: "above Int.max", offsets: [1 << 63]),
    .init(testDescription: "no data", size: 0, objects: [], offsets: [0]),
    .init(testDescription: "3 bytes of data", size: 3, objects: [], offsets: [0]),
    .init(testDescription: "the same twice", offsets: [0, 0], badIndex: 1),
    .init(
      testDescription: "overlapping",
      objects: [(0, Kind.handle.rawValue), (20, Kind.handle.rawValue)], offsets: [0, 20],
      badIndex: 1),
    .init(
      testDescription: "inside a longer one",
      objects: [(0, Kind.descriptorArray.rawValue), (24, Kind.handle.rawValue)],
      offsets: [0, 24], badIndex: 1),
    .init(
      testDescription: "descending",
      objects: [(0, Kind.handle.rawValue), (24, Kind.handle.rawValue)], offsets: [24, 0],
      badIndex: 1),
    .init(
      testDescription: "the third of three",
      objects: [(0, Kind.handle.rawValue), (24, Kind.binder.rawValue), (48, 7)],
      offsets: [0, 24, 48], badIndex: 2),
  ]

  @Test(arguments: badObjects, [false, true])
  func whatIsNoObjectIsInvalid(bad: BadObjects, inSteps: Bool) throws {
    let world = try World()
    let data = Self.message(bad.size, bad.objects)
    let error = failure {
      guard inSteps else {
        try world.send(data, offsets: bad.offsets)
        return
      }
      var allocation = try world.client.allocate(
        dataSize: data.count, offsetsSize: bad.offsets.count * 8, oneway: true, for: world.node)
      try allocation.write(data.span.bytes)
      try allocation.write(bad.offsets.span.bytes, at: (data.count + 7) & ~7)
      _ = try world.client.send(allocation, to: world.node)
    }
    #expect(
      error
        == .invalidArgument(
          .object(
            index: bad.badIndex, offset: bad.offsets[bad.badIndex], dataSize: data.count)))
    #expect(error?.errno == .invalidArgument)
    #expect(try world.server.isDrained)
    #expect(world.server.statistics.failures == FailureCounts([.invalidArgument: 1]))
    try world.expectNothingHeld()
  }

  @Test func neighboursMayTouchAndEveryTypeIsKnown() throws {
    let world = try World()
    var place = 0
    var objects: [(place: Int, type: UInt32)] = []
    for kind in Kind.allCases {
      objects.append((place, kind.rawValue))
      place += kind.size
    }
    let offsets = objects.map { UInt64($0.place) }
    try world.send(Self.message(place, objects), offsets: offsets)
    let delivery = try world.server.take()
    #expect(delivery.offsets == offsets)
    delivery.free()
    try world.expectNothingHeld()
  }

  /// Where the bytes of `ptr` objects come from.
  enum Source: CaseIterable { case trusted, untrusted, anotherProcess }

  @Test(arguments: Source.allCases)
  func extraBuffersAreGathered(source: Source) throws {
    let world = try World()
    // In one piece of memory: the first extra buffer, the second, the message.
    let memory = TestMemory(pages: 1)
    let bytes = (0..<64).map { UInt8($0 + 1) }
    memory.base.copyMemory(from: bytes, byteCount: 64)
    var holder = peer()
    defer { peer_end(&holder) }
    var base = memory.address
    if source == .anotherProcess {
      // The other process has its memory elsewhere: it is asked where, and filled once more.
      #expect(peer_start_holding(&holder, memory.base, 4096) == 0)
      base = holder.address
    }
    let data = Self.message(
      120,
      [(0, Kind.pointer.rawValue), (40, Kind.handle.rawValue), (80, Kind.pointer.rawValue)],
      sources: [0: (UInt64(base), 5), 80: (UInt64(base) + 8, 16)])
    memory.base.advanced(by: 1024).copyMemory(from: data, byteCount: data.count)
    var messageAt = memory.address + 1024
    if source == .anotherProcess {
      peer_end(&holder)
      #expect(peer_start_holding(&holder, memory.base, 4096) == 0)
      #expect(holder.address == base, "the same place again")
      messageAt = holder.address + 1024
    }
    let slice =
      switch source {
      case .trusted:
        UserSlice(
          unsafeTrusted: UnsafeRawBufferPointer(start: memory.base + 1024, count: data.count))
      case .untrusted: UserSlice(address: messageAt, length: data.count, in: .untrusted)
      case .anotherProcess:
        UserSlice(address: messageAt, length: data.count, in: try UserProcess(pid: holder.pid))
      }
    // Something in front, so that offsets in the region differ from offsets in the buffer.
    let front = try world.keep(1000)
    let receipt = try [UInt64(0), 40, 80].withUnsafeBytes {
      var transaction = Transaction(
        flags: .oneway, data: slice, offsets: UserSlice(unsafeTrusted: $0), extraSize: 40)
      transaction.readsOwnMemory = source != .anotherProcess
      return try world.client.send(transaction, to: world.node)
    }
    #expect(receipt.size == 120 + 24 + 40)
    let delivery = try world.server.take()
    #expect(Array(delivery.extra[0..<5]) == Array(bytes[0..<5]))
    #expect(Array(delivery.extra[8..<24]) == Array(bytes[8..<24]))
    // The addresses have become offsets in the region; all else is as it was sent.
    var expected = data
    expected.withUnsafeMutableBytes {
      let extraAt = UInt64(receipt.offset + 120 + 24)
      $0.storeBytes(of: extraAt, toByteOffset: 8, as: UInt64.self)
      $0.storeBytes(of: extraAt + 8, toByteOffset: 88, as: UInt64.self)
    }
    #expect(receipt.offset != 0)
    #expect(delivery.data == expected)
    #expect(world.server.statistics.bytesCopied == 120 + 24 + 5 + 16)
    delivery.free()
    try world.server.free(at: front)
    try world.expectNothingHeld()
  }

  @Test(arguments: [(9, 8), (1, 0), (Int.max, 16), (-1, 16)])
  func extraBuffersMustFit(length: Int, room: Int) throws {
    let world = try World()
    let count = UInt64(bitPattern: Int64(length))
    let data = Self.message(40, [(0, Kind.pointer.rawValue)], sources: [0: (8, count)])
    let error = failure { try world.send(data, offsets: [0], extraSize: room) }
    #expect(error == .invalidArgument(.extraBuffer(index: 0, length: count, remaining: room)))
    try world.expectNothingHeld()
  }

  /// Rounding counts: 9 bytes use 16 of the room.
  @Test func extraBuffersAreRoundedUpTo8() throws {
    let world = try World()
    let memory = TestMemory(pages: 1)
    let address = UInt64(memory.address)
    let data = Self.message(
      80, [(0, Kind.pointer.rawValue), (40, Kind.pointer.rawValue)],
      sources: [0: (address, 9), 40: (address, 1)])
    let error = failure { try world.send(data, offsets: [0, 40], extraSize: 16) }
    #expect(error == .invalidArgument(.extraBuffer(index: 1, length: 1, remaining: 0)))
    try world.send(data, offsets: [0, 40], extraSize: 24)
    try world.server.take().free()
    try world.expectNothingHeld()
  }

  /// Even in a message from trusted memory, the addresses inside are only numbers.
  @Test(arguments: [UInt64(0), 8, 0xffff_8000_0000_0000, .max, 0x7fff_ffff_f000])
  func wildExtraAddressesFail(address: UInt64) throws {
    let world = try World()
    let data = Self.message(40, [(0, Kind.pointer.rawValue)], sources: [0: (address, 16)])
    let error = failure { try world.send(data, oneway: false, offsets: [0], extraSize: 16) }
    #expect(error == .badSource(.badAddress(address: UInt(address), length: 16)))
    #expect(error?.errno == .badAddress)
    try world.expectNothingHeld()
  }

  /// A message may come from anywhere; the addresses in it are read only where its sender has said
  /// that they are its own.
  @Test func aMessageOfThisProcessNamesNoMemoryOfIt() throws {
    let world = try World()
    let secret = Array("another receiver's message".utf8)
    try secret.withUnsafeBytes { secret in
      let address = UInt64(UInt(bitPattern: secret.baseAddress))
      let data = Self.message(
        64, [(0, Kind.handle.rawValue), (24, Kind.pointer.rawValue)], sources: [24: (address, 16)])
      let error = failure {
        try world.send(data, offsets: [0, 24], extraSize: 16, readsOwnMemory: false)
      }
      #expect(error == .invalidArgument(.pointerIntoOwnMemory(index: 1)))
      try world.expectNothingHeld()
      // Without bytes there is nothing to read.
      let empty = Self.message(40, [(0, Kind.pointer.rawValue)], sources: [0: (address, 0)])
      try world.send(empty, offsets: [0], readsOwnMemory: false)
    }
  }
}
