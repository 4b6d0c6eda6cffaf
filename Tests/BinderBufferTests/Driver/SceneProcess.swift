import BinderBuffer

/// One process of a scenario: its memory, descriptors and view of the device.
final class SceneProcess {
  let name: String
  let parent: String?
  let pid: Int32
  let files: SceneFiles
  var isAlive = false
  var user: UInt32 = 0

  var memory = SceneMemory()
  var descriptors: [Int32: SceneDescriptor] = [:]
  private var filesByName: [Substring: Int32] = [:]

  /// The device as `open` gave it last.
  var device: SceneOpen?
  /// Every descriptor of the device that it holds, `device` included.
  var heldOpens: [SceneOpen] = []
  var region: SceneRegion?
  /// Unmapped, or not inherited.
  var isRegionGone = false
  /// Received buffers, b1 first.
  var buffers: [UInt64] = []

  init(name: String, parent: String?, pid: Int32, files: SceneFiles) {
    self.name = name
    self.parent = parent
    self.pid = pid
    self.files = files
  }

  /// The number of a file that holds NAME, or of `#N`.
  func descriptor(_ name: Substring) -> Int32 {
    if name.hasPrefix("#") { return Int32(SceneText.number(name.dropFirst())) }
    if let known = filesByName[name] { return known }
    let number = add(files.make(String(name)), isCloseOnExec: false)
    filesByName[name] = number
    return number
  }

  /// A new descriptor for a file that is held already.
  func add(_ file: Int32, isCloseOnExec: Bool) -> Int32 {
    var number: Int32 = 10
    while descriptors[number] != nil { number += 1 }
    descriptors[number] = SceneDescriptor(file: file, isCloseOnExec: isCloseOnExec)
    return number
  }

  func closeDescriptor(_ number: Int32) {
    guard let found = descriptors.removeValue(forKey: number) else { return }
    files.release(found.file)
  }

  /// How many descriptors lead to a file that holds NAME.
  func numbers(of name: Substring) -> [Int32] {
    descriptors.filter { files.text[$0.value.file] == String(name) }.map(\.key)
  }

  func inherit(from other: SceneProcess) {
    memory = other.memory
    filesByName = other.filesByName
    descriptors = other.descriptors
    for descriptor in descriptors.values { files.hold(descriptor.file) }
    device = other.device
    heldOpens = other.heldOpens
    region = other.region
    isRegionGone = true
    buffers = other.buffers
    user = other.user
  }

  func bufferAddress(_ word: Substring) -> UInt64 {
    if word.hasPrefix("b") {
      let i = Int(SceneText.number(word.dropFirst())) - 1
      return i >= 0 && i < buffers.count ? buffers[i] : 0
    }
    if word.hasPrefix("@") { return (region?.address ?? 0) + SceneText.number(word.dropFirst()) }
    return word == "null" ? 0 : buffers.last ?? 0
  }

  /// An address of the region as an offset.
  func place(_ address: UInt64) -> String {
    if let region, address >= region.address, address <= region.address + UInt64(region.length) {
      return "@\(address - region.address)"
    }
    return address == 0 ? "@null" : "@outside"
  }
}

/// One open of the device, which several processes may hold after a fork.
final class SceneOpen {
  let id: DriverProcessID
  /// Who opened it.
  let opener: SceneProcess
  let isNonblocking: Bool

  init(id: DriverProcessID, opener: SceneProcess, isNonblocking: Bool) {
    self.id = id
    self.opener = opener
    self.isNonblocking = isNonblocking
  }
}

struct SceneRegion {
  let open: SceneOpen
  let address: UInt64
  let length: Int
}
