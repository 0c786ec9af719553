//! Loops that are compiled twice.

/// Calls a function whose body is inlined everywhere, in a copy compiled for AVX2 where the processor has it.
///
/// Products and sums are not fused in either copy, so both give the same bits.
macro_rules! in_widest {
    ($plain:ident($($argument:ident: $type:ty),* $(,)?) $(-> $out:ty)?) => {{
        #[allow(unsafe_code)]
        #[inline]
        fn choose($($argument: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn wide($($argument: $type),*) $(-> $out)? {
                $plain($($argument),*)
            }
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the function only demands that the processor has AVX2, which was just asked for.
                return unsafe { wide($($argument),*) };
            }
            $plain($($argument),*)
        }
        choose($($argument),*)
    }};
}

pub(crate) use in_widest;
