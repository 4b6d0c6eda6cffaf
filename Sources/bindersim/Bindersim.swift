@main enum Bindersim { static func main() {} }
