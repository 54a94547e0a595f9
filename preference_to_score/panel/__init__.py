"""What a panel of experts is worth: agreement, reliability, resampling, profiles and checks of experts."""
