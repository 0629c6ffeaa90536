//! A Java virtual machine in the process.

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::transmute;
use std::ptr;
use std::sync::OnceLock;

use jni_sys::{
    JNI_VERSION_1_8, JNIEnv, JNINativeMethod, JavaVM, JavaVMInitArgs, JavaVMOption, jclass, jint,
};

use super::Peer;

static FUNCTION: OnceLock<extern "C" fn()> = OnceLock::new();

pub(crate) struct Jvm {
    env: *mut JNIEnv,
    class: jclass,
}

/// The native method of the class.
extern "system" fn callback(_: *mut JNIEnv, _: jclass) {
    if let Some(function) = FUNCTION.get() {
        function();
    }
}

impl Jvm {
    /// Starts the virtual machine in this thread, from the library named in the environment.
    pub(crate) fn install() -> Jvm {
        let variable =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        let path = CString::new(variable("HANDLERS_JVM")).expect("a path");
        let classes = format!("-Djava.class.path={}", variable("HANDLERS_CLASSES"));
        // Its C1 compiler relies on SIGSEGV to check for null pointers.
        let options = [
            &*classes,
            "-XX:TieredStopAtLevel=1",
            "-Xmx64m",
            "-XX:-CreateCoredumpOnCrash",
        ];
        let options = options.map(|option| CString::new(option).expect("a text"));
        let mut options = options.each_ref().map(|option| JavaVMOption {
            optionString: option.as_ptr().cast_mut(),
            extraInfo: ptr::null_mut(),
        });
        let mut args = JavaVMInitArgs {
            version: JNI_VERSION_1_8,
            nOptions: options.len() as jint,
            options: options.as_mut_ptr(),
            ignoreUnrecognized: true,
        };
        type Create =
            unsafe extern "system" fn(*mut *mut JavaVM, *mut *mut c_void, *mut c_void) -> jint;
        // SAFETY: the function has this type, and all pointers are valid.
        unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null(), "the library cannot be loaded");
            let create = libc::dlsym(library, c"JNI_CreateJavaVM".as_ptr());
            assert!(!create.is_null(), "the library has no `JNI_CreateJavaVM`");
            let create = transmute::<*mut c_void, Create>(create);
            let (mut vm, mut env) = (ptr::null_mut(), ptr::null_mut::<c_void>());
            let made = create(&raw mut vm, &raw mut env, (&raw mut args).cast());
            assert_eq!(made, 0, "the virtual machine did not start");
            let env = env.cast::<JNIEnv>();
            let class = ((**env).v1_1.FindClass)(env, c"Peer".as_ptr());
            assert!(!class.is_null(), "the class is missing");
            let method = JNINativeMethod {
                name: c"callback".as_ptr().cast_mut(),
                signature: c"()V".as_ptr().cast_mut(),
                fnPtr: callback as *mut c_void,
            };
            assert_eq!(
                ((**env).v1_1.RegisterNatives)(env, class, &raw const method, 1),
                0
            );
            Jvm { env, class }
        }
    }

    fn call_static(&self, name: &CStr, signature: &CStr) -> jint {
        let env = self.env;
        let text: fn(&CStr) -> *const c_char = CStr::as_ptr;
        // SAFETY: the environment belongs to this thread, and the method has no arguments.
        unsafe {
            let functions = &(**env).v1_1;
            let method =
                (functions.GetStaticMethodID)(env, self.class, text(name), text(signature));
            assert!(!method.is_null(), "{name:?} is missing");
            let result = (functions.CallStaticIntMethodA)(env, self.class, method, ptr::null());
            assert!(
                (functions.ExceptionOccurred)(env).is_null(),
                "{name:?} throws"
            );
            result
        }
    }
}

impl Peer for Jvm {
    fn work(&self) -> String {
        format!("{} exceptions caught", self.call_static(c"work", c"()I"))
    }

    fn call(&self, function: extern "C" fn()) {
        let _ = FUNCTION.set(function);
        self.call_static(c"call", c"()I");
    }

    fn end(&self) {
        self.call_static(c"end", c"()I");
    }
}
