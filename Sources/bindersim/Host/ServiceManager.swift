internal import CLinuxShims
internal import Glibc

/// `bindersim host --manage`: handle 0 of `/dev/binder`, where programs add services and find them.
///
/// Answers what Android's service manager is asked: get (1), check (2), add (3) and list (4), in
/// the parcels of the classic one (one or two words before the interface's name) and of the AIDL
/// one (three words; replies begin with a status).
enum ServiceManager {
  static func run() -> ExitStatus {
    do throws(BinderDevice.Failure) {
      let device = try BinderDevice(path: "/dev/binder")
      try device.becomeManager()
      var services = Services(device: device)
      device.put(bb_bc_enter_looper)
      while true { try services.serve() }
    } catch {
      switch error {
      case .system(let step, let number):
        StandardError.write(
          "bindersim: service manager: \(step): \(SystemError.message(number))\n")
      }
      return .failure
    }
  }
}

private struct Services {
  let device: BinderDevice
  private var handles: [(name: String, handle: UInt32)] = []

  /// Requests from the kernel's header and Android's `IServiceManager`.
  private enum Request {
    static let get: UInt32 = 1
    static let check: UInt32 = 2
    static let add: UInt32 = 3
    static let list: UInt32 = 4
    /// '_PNG'
    static let ping: UInt32 = 0x5f50_4e47
  }

  init(device: BinderDevice) { self.device = device }

  mutating func serve() throws(BinderDevice.Failure) {
    var calls: [binder_transaction_data] = []
    var dead: [UInt64] = []
    try device.exchange { code, payload in
      switch code {
      case bb_br_transaction.rawValue:
        if let call = Bytes.message(payload) { calls.append(call) }
      case bb_br_dead_binder.rawValue: dead.append(Bytes.long(payload))
      case bb_br_increfs.rawValue: device.put(bb_bc_increfs_done, Array(payload))
      case bb_br_acquire.rawValue: device.put(bb_bc_acquire_done, Array(payload))
      default: break
      }
    }
    for cookie in dead {
      handles.removeAll { UInt64($0.handle) == cookie }
      device.put(bb_bc_dead_binder_done, Bytes.of(cookie))
      device.put(bb_bc_release, Bytes.of(UInt32(truncatingIfNeeded: cookie)))
    }
    for call in calls { try answer(call) }
  }

  private mutating func answer(_ call: binder_transaction_data) throws(BinderDevice.Failure) {
    let buffer = unsafe call.data.ptr.buffer
    var request = Parcel(
      device.bytes(at: buffer, count: call.data_size),
      objects: unsafe device.bytes(at: call.data.ptr.offsets, count: call.offsets_size))
    var reply = Parcel()
    let status = fill(&reply, call.code, &request)
    // The handle in the request is held before its buffer, which held it so far, goes.
    device.put(bb_bc_free_buffer, Bytes.of(buffer))
    guard call.flags & UInt32(TF_ONE_WAY.rawValue) == 0 else { return }
    try send(reply, status: status)
  }

  private func send(_ reply: Parcel, status: Int32) throws(BinderDevice.Failure) {
    var message = binder_transaction_data()
    let data = status == 0 ? reply.data : Bytes.of(status)
    let offsets = status == 0 ? reply.offsets : []
    message.flags = status == 0 ? 0 : UInt32(TF_STATUS_CODE.rawValue)
    message.data_size = UInt64(data.count)
    message.offsets_size = UInt64(offsets.count * 8)
    // The exchange copies the message, while both arrays are in place.
    var failure: BinderDevice.Failure?
    unsafe data.withUnsafeBytes { bytes in
      unsafe offsets.withUnsafeBytes { places in
        unsafe message.data.ptr.buffer = UInt64(UInt(bitPattern: bytes.baseAddress))
        unsafe message.data.ptr.offsets = UInt64(UInt(bitPattern: places.baseAddress))
        device.put(bb_bc_reply, message: message)
        // Comes back at once, with the completion.
        do throws(BinderDevice.Failure) { try device.exchange { _, _ in } } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
  }

  /// Answers a request; returns 0, or the status that its sender gets instead of a reply.
  private mutating func fill(
    _ reply: inout Parcel, _ code: UInt32, _ request: inout Parcel
  ) -> Int32 {
    if code == Request.ping { return 0 }
    guard let isAIDL = request.readHeader() else { return -EPERM }
    if isAIDL { reply.put(UInt32(0)) }  // no exception
    switch code {
    case Request.get, Request.check:
      guard let name = request.readString() else { return -EINVAL }
      if let found = handles.first(where: { $0.name == name }) {
        reply.put(handle: found.handle)
      } else if isAIDL {
        reply.putNullBinder()
      } else {
        reply.put(UInt32(0))
        return 0
      }
      if isAIDL { reply.put(UInt32(0)) }  // stability
    case Request.add:
      guard let name = request.readString(), !name.isEmpty, name.count < 128,
        let handle = request.readHandle()
      else { return -EINVAL }
      add(name, handle)
      if !isAIDL { reply.put(UInt32(0)) }
    case Request.list:
      if isAIDL {
        reply.put(UInt32(handles.count))
        for entry in handles { reply.put(entry.name) }
      } else {
        // One name at a time, by its number.
        let index = Int(request.readWord() ?? 0)
        guard handles.indices.contains(index) else { return -1 }
        reply.put(handles[index].name)
      }
    default: return -EBADRQC
    }
    return 0
  }

  private mutating func add(_ name: String, _ handle: UInt32) {
    let isKnown = handles.contains { $0.handle == handle }
    handles.removeAll { $0.name == name }
    handles.append((name, handle))
    device.put(bb_bc_acquire, Bytes.of(handle))
    if !isKnown {
      device.put(
        bb_bc_request_death_notification, Bytes.of(handle) + Bytes.of(UInt64(handle)))
    }
  }
}

/// A message in Android's format: words of four bytes, UTF-16 strings, objects.
private struct Parcel {
  private(set) var data: [UInt8] = []
  private(set) var offsets: [UInt64] = []
  private var position = 0

  static let manager = "android.os.IServiceManager"

  init() {}

  init(_ data: [UInt8], objects: [UInt8]) {
    self.data = data
    offsets = stride(from: 0, to: objects.count, by: 8).map { Bytes.long(objects[$0...]) }
  }

  // MARK: reading

  /// Skips what is before the interface's name, and it. Returns whether the request is in the
  /// format of AIDL; nil when it is for another interface.
  mutating func readHeader() -> Bool? {
    for words in 1...3 {
      position = words * 4
      if readString() == Self.manager { return words == 3 }
    }
    return nil
  }

  mutating func readWord() -> UInt32? {
    guard position + 4 <= data.count else { return nil }
    defer { position += 4 }
    return Bytes.word(data[position...])
  }

  mutating func readString() -> String? {
    guard let count = readWord(), count < 4096 else { return nil }
    let bytes = (Int(count) + 1) * 2
    guard position + bytes <= data.count else { return nil }
    let units = (0..<Int(count)).map { index in
      UInt16(data[position + index * 2]) | UInt16(data[position + index * 2 + 1]) << 8
    }
    position += (bytes + 3) & ~3
    return String(decoding: units, as: UTF16.self)
  }

  /// The handle at this place, which must be one of the message's objects.
  mutating func readHandle() -> UInt32? {
    let place = position
    guard offsets.contains(UInt64(place)), place + 24 <= data.count,
      Bytes.word(data[place...]) == bb_type_handle.rawValue
    else { return nil }
    position += 24
    return Bytes.word(data[(place + 8)...])
  }

  // MARK: writing

  mutating func put(_ word: UInt32) { data += Bytes.of(word) }

  mutating func put(_ text: String) {
    let units = Array(text.utf16)
    put(UInt32(units.count))
    for unit in units + [0] { data += Bytes.of(unit) }
    while data.count % 4 != 0 { data.append(0) }
  }

  mutating func put(handle: UInt32) {
    offsets.append(UInt64(data.count))
    var object = flat_binder_object()
    object.hdr.type = bb_type_handle.rawValue
    object.flags = 0x7f | bb_flag_accepts_fds.rawValue
    object.handle = handle
    data += Bytes.of(object)
  }

  /// A binder with the pointer 0 is none.
  mutating func putNullBinder() {
    var object = flat_binder_object()
    object.hdr.type = bb_type_binder.rawValue
    data += Bytes.of(object)
  }
}
